"""Arithmetic in text."""
from .evaluate import evaluate
from .parser import parse
from .tokens import CalcError

__all__ = ["CalcError", "evaluate", "parse"]
