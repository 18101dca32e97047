"""Small things one does with text."""
from .shorten import shorten
from .slug import slugify
from .wrap import wrap

__all__ = ["shorten", "slugify", "wrap"]
