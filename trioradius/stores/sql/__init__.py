"""What lives in a SQL database: subscribers, NASes, accounting, on SQLite or PostgreSQL, in FreeRADIUS's tables."""

from trioradius.stores.sql.accounting import SqlAccounting
from trioradius.stores.sql.connection import Connection, Dialect, Row
from trioradius.stores.sql.database import Database, open_database
from trioradius.stores.sql.decisions import SqlDecisions
from trioradius.stores.sql.peers import SqlPeers
from trioradius.stores.sql.users import SqlUsers, User

__all__ = [
    "Connection",
    "Database",
    "Dialect",
    "Row",
    "SqlAccounting",
    "SqlDecisions",
    "SqlPeers",
    "SqlUsers",
    "User",
    "open_database",
]
