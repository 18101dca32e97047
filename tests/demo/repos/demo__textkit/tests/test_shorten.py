from textkit import shorten


def test_what_fits_stays():
    assert shorten("one two", 7) == "one two"
    assert shorten("  one \n two ", 20) == "one two"


def test_nothing_stays_nothing():
    assert shorten("", 5) == ""
