"""The books of a small library."""
from .models import Book, Loan
from .store import Store

__all__ = ["Book", "Loan", "Store"]
