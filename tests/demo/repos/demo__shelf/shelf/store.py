"""Everything the library knows, in memory."""
from .models import Loan


class StoreError(Exception):
    """What the library does not do."""


class Store:
    def __init__(self):
        self.books = {}
        self.loans = []

    def add(self, book):
        if book.isbn in self.books:
            self.books[book.isbn].copies += book.copies
        else:
            self.books[book.isbn] = book

    def search(self, query):
        """Books in which all words of the query occur, by title."""
        words = query.split()
        found = [book for book in self.books.values() if book.matches(words)]
        return sorted(found, key=lambda book: book.title)

    def copies_out(self, isbn):
        return sum(1 for loan in self.loans if loan.isbn == isbn and loan.is_out())

    def lend(self, isbn, reader, day):
        if isbn not in self.books:
            raise StoreError("no book %s" % isbn)
        if self.copies_out(isbn) >= self.books[isbn].copies:
            raise StoreError("all copies of %s are out" % isbn)
        loan = Loan(isbn, reader, day)
        self.loans.append(loan)
        return loan

    def give_back(self, isbn, reader, day):
        for loan in self.loans:
            if loan.isbn == isbn and loan.reader == reader and loan.is_out():
                loan.returned = day
                return loan
        raise StoreError("%s does not have %s" % (reader, isbn))

    def overdue(self, today):
        return [loan for loan in self.loans if loan.is_out() and loan.days_late(today) > 0]
