"""Days of the library."""
from datetime import date, timedelta

LOAN_DAYS = 14
CLOSED_WEEKDAYS = (6,)          # Sunday


def is_open(day):
    return day.weekday() not in CLOSED_WEEKDAYS


def due_date(lent):
    """The day on which a book lent on `lent` has to be back; never a day on which we are closed."""
    due = lent + timedelta(days=LOAN_DAYS)
    while not is_open(due):
        due += timedelta(days=1)
    return due


def days_between(first, last):
    """Whole days from first to last."""
    return (last - first).days


def parse_day(text):
    """2024-03-09 as a date."""
    year, month, day = text.split("-")
    return date(int(year), int(month), int(day))
