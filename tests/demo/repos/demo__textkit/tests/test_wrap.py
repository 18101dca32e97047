from textkit import wrap


def test_wrap():
    assert wrap("a bb ccc dddd", 6) == ["a bb", "ccc", "dddd"]


def test_long_word():
    assert wrap("a incomprehensible b", 5) == ["a", "incomprehensible", "b"]
