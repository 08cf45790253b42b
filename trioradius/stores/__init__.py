"""What must outlive a packet."""

from trioradius.stores.duplicates import DedupStore, MemoryDedupStore
from trioradius.stores.learned import FileLearned
from trioradius.stores.redis import RedisDedupStore

__all__ = ["DedupStore", "FileLearned", "MemoryDedupStore", "RedisDedupStore"]
