"""What lives in a SQL database: subscribers, NASes, accounting, on SQLite or PostgreSQL, in FreeRADIUS's tables."""

from trioradius.stores.sql.connection import Connection, Dialect, Row
from trioradius.stores.sql.database import Database, open_database

__all__ = ["Connection", "Database", "Dialect", "Row", "open_database"]
