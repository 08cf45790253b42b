"""Learning through the server: only a verified packet teaches, and what is learned holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.raw import SECRET, attribute, login, unproven
from trioradius import AccessAccept, AccessRequest, App, NoResponse, Peer
from trioradius.testing import AppClient

ADDRESS = "127.0.0.1"
FORGED = unproven(attribute(80, bytes(16)))


def app(*, days: float) -> App[None]:
    """With one peer that learns, whose window ends in so many days."""
    until = datetime.now(UTC) + timedelta(days=days)
    made: App[None] = App({ADDRESS: Peer(SECRET, require_message_authenticator="auto", auto_until=until)})

    @made.on(AccessRequest)
    async def accept(request: AccessRequest) -> AccessAccept:
        return request.accept()

    return made


async def reason(served: App[None], octets: bytes) -> str:
    try:
        await AppClient(served).send(octets)
    except NoResponse as silence:
        return silence.reason
    return ""


@pytest.mark.trio
async def test_one_verified_packet_makes_it_strict() -> None:
    served = app(days=1)
    assert await reason(served, unproven()) == ""
    assert await reason(served, login()) == ""
    assert await reason(served, unproven()) == "message_authenticator_missing"


@pytest.mark.trio
@pytest.mark.parametrize("days", [1, -1])
async def test_a_forged_packet_teaches_nothing(days: float) -> None:
    served = app(days=days)
    assert await reason(served, FORGED) == "message_authenticator_wrong"
    assert not served.learned
    assert await reason(served, login(secret=b"another")) == "message_authenticator_wrong"
    assert not served.learned


@pytest.mark.trio
async def test_outside_the_window_it_is_strict_from_the_start() -> None:
    served = app(days=-1)
    assert await reason(served, unproven()) == "message_authenticator_missing"
    assert not served.learned
    assert await reason(served, login()) == ""
    assert served.learned == {ADDRESS: True}
