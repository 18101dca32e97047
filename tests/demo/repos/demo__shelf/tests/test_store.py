import unittest
from datetime import date

from shelf import Book, Store
from shelf.store import StoreError


class StoreTest(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.store.add(Book("1", "Moby Dick", ["Herman Melville"]))
        self.store.add(Book("2", "Walden", ["Henry David Thoreau"], copies=2))

    def test_search_by_title_and_author(self):
        self.assertEqual([b.isbn for b in self.store.search("Moby")], ["1"])
        self.assertEqual([b.isbn for b in self.store.search("Thoreau Walden")], ["2"])
        self.assertEqual(self.store.search("Ahab"), [])

    def test_lend_until_none_is_left(self):
        self.store.lend("2", "ann", date(2024, 1, 2))
        self.store.lend("2", "bob", date(2024, 1, 2))
        with self.assertRaises(StoreError):
            self.store.lend("2", "cid", date(2024, 1, 3))

    def test_give_back(self):
        self.store.lend("1", "ann", date(2024, 1, 2))
        loan = self.store.give_back("1", "ann", date(2024, 1, 5))
        self.assertFalse(loan.is_out())
        with self.assertRaises(StoreError):
            self.store.give_back("1", "ann", date(2024, 1, 6))

    def test_a_book_added_twice_has_more_copies(self):
        self.store.add(Book("1", "Moby Dick", copies=3))
        self.assertEqual(self.store.books["1"].copies, 4)


if __name__ == "__main__":
    unittest.main()
