"""Load: a window of errands, or a rate of them, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from trioradius import AccessAccept, AccessRequest, App, Discard
from trioradius.attributes import UserName, UserPassword
from trioradius.cli import load as module
from trioradius.cli.eap import Errand
from trioradius.cli.load import NOT_BELIEVED, REFUSED, SILENT, Load
from trioradius.protocol.logins import ms_chap_v2
from trioradius.protocol.profile import RADIUS_1_1
from trioradius.testing import AppClient

Handler = Callable[[AccessRequest], Awaitable[AccessAccept]]


class Desk:
    """An app that takes its time, and knows how many it served at once."""

    def __init__(self, seconds: float = 1) -> None:
        self.app: App[None] = App(peers={"127.0.0.1": b"testing123"})
        self.at_once = self.most = 0
        self.asked: list[tuple[float, str]] = []

        @self.app.on(AccessRequest)
        async def serve(request: AccessRequest) -> AccessAccept:
            self.asked.append((trio.current_time(), request[UserName]))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await trio.sleep(seconds)
            self.at_once -= 1
            return request.accept()

    async def bear(self, **options: Any) -> Load:
        load = Load(numbered, **options)
        client: Any = AppClient(self.app)
        await load.run(client)
        return load


def numbered(number: int) -> Errand:
    return Errand(AccessRequest(UserName(f"user{number}"), UserPassword("x")))


async def test_a_window_of_so_many(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    load = await desk.bear(window=4, seconds=None, count=10)
    assert (load.begun, load.ended, load.due, desk.most) == (10, 10, 10, 4)
    assert load.elapsed == pytest.approx(3)
    assert load.latencies.longest == pytest.approx(1)
    assert sorted(name for _, name in desk.asked) == sorted(f"user{number}" for number in range(10))
    assert load.outcomes == {"Access-Accept": 10}
    assert not load.failed and not load.stopped


async def test_no_more_at_once_than_there_are(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    load = await desk.bear(window=50, seconds=None, count=3)
    assert (load.ended, desk.most) == (3, 3)


async def test_a_window_for_some_seconds(autojump_clock: trio.testing.MockClock) -> None:
    """None is begun after them, and those under way are waited for."""
    load = await Desk().bear(window=2, seconds=2.5)
    assert (load.begun, load.ended) == (6, 6)
    assert load.elapsed == pytest.approx(3)


async def test_whichever_comes_first(autojump_clock: trio.testing.MockClock) -> None:
    assert (await Desk().bear(window=2, seconds=2.5, count=5)).begun == 5
    assert (await Desk().bear(window=2, seconds=2.5, count=50)).begun == 6


async def test_a_rate(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk(0.55)
    load = await desk.bear(rate=10, seconds=2)
    assert (load.begun, load.ended, load.due) == (20, 20, 20)
    assert [when for when, _ in desk.asked] == pytest.approx([desk.asked[0][0] + each / 10 for each in range(20)])
    assert desk.most == 6
    assert load.elapsed == pytest.approx(1.9 + 0.55)


@pytest.mark.parametrize(("options", "due"), [({"seconds": 2, "count": 7}, 7), ({"seconds": None, "count": 30}, 30)])
async def test_a_rate_of_so_many(autojump_clock: trio.testing.MockClock, options: dict[str, Any], due: int) -> None:
    load = await Desk(0.1).bear(rate=10, **options)
    assert (load.due, load.ended) == (due, due)


async def test_latency_at_a_rate_counts_from_the_moment_it_was_due(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stalls makes those wait that come after, though they are sent only when there is a place."""
    monkeypatch.setattr(module, "OUTSTANDING_MAXIMUM", 2)
    desk = Desk(1)
    load = await desk.bear(rate=10, seconds=2.5)
    assert desk.most == 2
    assert load.due == 25
    assert load.begun == load.ended == 6
    # The last two were due at 0.4 and 0.5 and answered at 3.
    assert load.latencies.longest == pytest.approx(2.6)


async def test_stopped_on_the_way(autojump_clock: trio.testing.MockClock) -> None:
    desk = Desk()
    load = Load(numbered, window=3, seconds=60)
    client: Any = AppClient(desk.app)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load.run, client)
        await trio.sleep(2.5)
        load.stop()
    assert (load.begun, load.ended, load.failed) == (9, 6, 0)
    assert load.stopped
    assert load.elapsed == pytest.approx(2.5)


async def test_silence_is_a_failure_and_no_latency(autojump_clock: trio.testing.MockClock) -> None:
    app: App[None] = App(peers={"127.0.0.1": b"testing123"})

    @app.on(AccessRequest)
    async def serve(request: AccessRequest) -> AccessAccept:
        raise Discard("not today")

    load = Load(numbered, seconds=None, count=3)
    client: Any = AppClient(app)
    await load.run(client)
    assert load.outcomes == {SILENT: 3}
    assert (load.failed, load.latencies.count) == (3, 0)


async def test_an_answer_without_proof_is_a_failure(autojump_clock: trio.testing.MockClock) -> None:
    login = ms_chap_v2("alice", "wonderland")
    load = Load(
        lambda _: Errand(AccessRequest(UserName("alice"), *login.attributes), login=login), seconds=None, count=2
    )
    client: Any = AppClient(Desk().app)
    await load.run(client)
    assert load.outcomes == {NOT_BELIEVED: 2}
    assert load.failed == 2


async def test_protocol_error_is_a_failure(autojump_clock: trio.testing.MockClock) -> None:
    app: App[None] = App(peers={"127.0.0.1": b"testing123"})

    @app.on(AccessRequest)
    async def serve(request: AccessRequest) -> AccessAccept:
        raise ValueError("broken")

    load = Load(numbered, seconds=None, count=2)
    client: Any = AppClient(app, profile=RADIUS_1_1)
    await load.run(client)
    assert load.outcomes == {REFUSED: 2}
    assert load.failed == 2
