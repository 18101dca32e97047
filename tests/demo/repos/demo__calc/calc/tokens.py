"""From text to tokens."""
from collections import namedtuple

Token = namedtuple("Token", "kind text at")

OPERATORS = "+-*/%^(),"


class CalcError(ValueError):
    """Text that is no arithmetic, or arithmetic that has no result."""


def read_number(text, at):
    """Return the end of the number that begins at `at`."""
    end = at
    while end < len(text) and (text[end].isdigit() or text[end] == "."):
        end += 1
    if text.count(".", at, end) > 1:
        raise CalcError("two points in a number at %d" % at)
    return end


def read_name(text, at):
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return end


def tokenize(text):
    """Yield the tokens of text, and one of kind "end" behind them."""
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
            continue
        if char.isdigit() or char == ".":
            end = read_number(text, at)
            kind = "number"
        elif char.isalpha() or char == "_":
            end = read_name(text, at)
            kind = "name"
        elif char in OPERATORS:
            end = at + 1
            kind = char
        else:
            raise CalcError("%r at %d is nothing I know" % (char, at))
        yield Token(kind, text[at:end], at)
        at = end
    yield Token("end", "", len(text))
