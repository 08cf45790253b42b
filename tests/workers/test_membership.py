"""A worker's part, by its end of the line to the supervisor."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest

from trioradius import App, ConfigurationError
from trioradius.workers import Invitation, Membership
from trioradius.workers.control import Control


async def test_an_app_that_has_other_listeners_than_the_workers_began_with(tmp_path: pathlib.Path) -> None:
    supervisor, theirs = Control.pair()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        descriptors = os.dup(opened.fileno()), os.dup(opened.fileno())
    membership = Membership(Invitation(1, 0, 2, descriptors, theirs.detach(), str(tmp_path)), App(peers={}))
    says = "the app now listens at 3 places, and the workers at 2: restart the service as a whole"
    with pytest.raises(ConfigurationError, match=says):
        membership.sockets(3)
    for adopted in membership.sockets(2):
        assert not os.get_inheritable(adopted.fileno())
        adopted.close()
    membership.leave()
    assert await supervisor.receive() is None
    supervisor.close()
