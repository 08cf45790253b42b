"""Several processes at one port: a supervisor, which opens every socket, and its workers, which read them."""

from trioradius.workers.control import Invitation
from trioradius.workers.membership import Membership
from trioradius.workers.supervisor import WORKERS_MAXIMUM, NotStarted, Supervisor, open_supervisor

__all__ = ["Invitation", "Membership", "NotStarted", "Supervisor", "WORKERS_MAXIMUM", "open_supervisor"]
