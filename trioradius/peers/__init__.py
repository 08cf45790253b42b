"""Who may talk to us: an address or network -> Peer, its secret and its policy."""

from trioradius.peers.policy import MemoryLearned, require_proof
from trioradius.peers.secrets import secret_from_environment, secret_from_file
from trioradius.peers.table import Peers, PeerSource
from trioradius.protocol.peer import Peer

__all__ = [
    "MemoryLearned",
    "Peer",
    "PeerSource",
    "Peers",
    "require_proof",
    "secret_from_environment",
    "secret_from_file",
]
