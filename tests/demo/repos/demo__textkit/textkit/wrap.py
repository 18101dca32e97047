"""Text in lines."""
from .words import words_of


def wrap(text, width):
    """Lines of at most width columns; a longer word has a line for itself."""
    lines = []
    line = ""
    for word in words_of(text):
        if not line:
            line = word
        elif len(line) + 1 + len(word) <= width:
            line += " " + word
        else:
            lines.append(line)
            line = word
    if line:
        lines.append(line)
    return lines
