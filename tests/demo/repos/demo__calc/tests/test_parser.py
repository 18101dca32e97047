from calc import CalcError, parse


def test_products_bind_tighter_than_sums():
    assert str(parse("1 + 2 * 3")) == "(1 + (2 * 3))"


def test_same_precedence_groups_to_the_left():
    assert str(parse("8 - 4 - 2")) == "((8 - 4) - 2)"


def test_parentheses():
    assert str(parse("(1 + 2) * 3")) == "((1 + 2) * 3)"


def test_calls():
    assert str(parse("max(1, 2 + 3)")) == "max(1, (2 + 3))"


def test_rubbish_is_refused():
    for text in ("", "1 +", "(1", "1 2", "$"):
        try:
            parse(text)
        except CalcError:
            continue
        assert False, text
