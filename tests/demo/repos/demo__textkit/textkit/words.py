"""Words, however they are separated."""
import re

SPACES = re.compile(r"\s+")


def words_of(text):
    return [word for word in SPACES.split(text) if word]


def normalize(text):
    """Single blanks between words, none at the ends."""
    return " ".join(words_of(text))
