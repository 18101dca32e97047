from datetime import date

from shelf import Book, Loan, Store
from shelf.report import account, fine, money, reminder


def library():
    store = Store()
    store.add(Book("1", "Moby Dick", ["Herman Melville"]))
    return store


def test_money():
    assert money(5) == "0.05"
    assert money(1230) == "12.30"


def test_fine_grows_by_the_day_up_to_a_limit():
    loan = Loan("1", "ann", date(2024, 1, 2))
    assert fine(loan, date(2024, 1, 18)) == 40
    assert fine(loan, date(2025, 1, 18)) == 1000


def test_reminder():
    store = library()
    store.lend("1", "ann", date(2024, 1, 2))
    assert reminder(store, "ann", date(2024, 1, 10)) is None
    letter = reminder(store, "ann", date(2024, 1, 18))
    assert "Moby Dick (due 2024-01-16)" in letter
    assert letter.endswith("You owe us 0.40.")


def test_account_of_nobody():
    assert account(library(), "bob", date(2024, 1, 1)) == 0
