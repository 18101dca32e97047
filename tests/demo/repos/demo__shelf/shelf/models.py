"""Books and loans."""
from dataclasses import dataclass, field
from datetime import date
from typing import List, Optional

from .dates import days_between, due_date


@dataclass
class Book:
    isbn: str
    title: str
    authors: List[str] = field(default_factory=list)
    copies: int = 1

    def matches(self, words):
        """True if every word occurs in title or authors."""
        text = " ".join([self.title] + self.authors)
        return all(word in text for word in words)


@dataclass
class Loan:
    isbn: str
    reader: str
    lent: date
    returned: Optional[date] = None

    @property
    def due(self):
        return due_date(self.lent)

    def is_out(self):
        return self.returned is None

    def days_late(self, today):
        """How many days the book was, or is, late."""
        end = self.returned if self.returned is not None else today
        return days_between(self.due, end)
