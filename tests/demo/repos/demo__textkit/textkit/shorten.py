"""Text that has to fit."""
from .words import words_of


def shorten(text, width, placeholder=" ..."):
    """As many whole words of text as fit into width; the placeholder tells that some are missing."""
    words = words_of(text)
    line = ""
    for word in words:
        longer = line + " " + word if line else word
        if len(longer) > width:
            return line + placeholder
        line = longer
    return line
