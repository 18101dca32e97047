from textkit import slugify


def test_blanks_and_signs():
    assert slugify("Hello, World!") == "hello-world"


def test_accents():
    assert slugify("Crème brûlée") == "creme-brulee"


def test_separator():
    assert slugify("a b", separator="_") == "a_b"
