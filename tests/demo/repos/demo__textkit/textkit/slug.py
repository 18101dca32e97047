"""Titles as parts of addresses."""
import re
import unicodedata

UNSAFE = re.compile(r"[^a-z0-9]+")


def slugify(title, separator="-"):
    """Lower case ASCII letters and digits, everything else one separator."""
    decomposed = unicodedata.normalize("NFKD", title)
    plain = decomposed.encode("ascii", "ignore").decode("ascii")
    return UNSAFE.sub(separator, plain.lower()).strip(separator)
