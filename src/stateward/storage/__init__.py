"""Transactions over SQLite, written so that PostgreSQL can hold the same state (design 3)."""

from stateward.storage.database import Database, Reaction, Work
from stateward.storage.transaction import Snapshot, Transaction

__all__ = ["Database", "Reaction", "Snapshot", "Transaction", "Work"]
