"""Sessions in a database: who is online, limits and address pools, and CoA and Disconnect to the NAS (RFC 5176)."""

from trioradius.sessions.dynamic import Acknowledged, Outcome, Refused, Unanswered
from trioradius.sessions.identification import Identify, identify
from trioradius.sessions.pools import Pools
from trioradius.sessions.sessions import Admission, Admitted, PoolExhausted, Sessions, TooManySessions
from trioradius.sessions.timing import interim_interval, session_timeout
from trioradius.stores.sql.pools import Kind, PoolState
from trioradius.stores.sql.sessions import Session
from trioradius.stores.sql.usage import Usage

__all__ = [
    "Acknowledged",
    "Admission",
    "Admitted",
    "Identify",
    "Kind",
    "Outcome",
    "PoolExhausted",
    "PoolState",
    "Pools",
    "Refused",
    "Session",
    "Sessions",
    "TooManySessions",
    "Unanswered",
    "Usage",
    "identify",
    "interim_interval",
    "session_timeout",
]
