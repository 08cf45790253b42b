"""The app as ``trioradius run`` serves it: two processes on one database, and RADIUS/1.1."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio

from tests.examples.isp.sites import NASES, Site, fill, serving
from tests.interop.radclient import SECRET
from trioradius import (
    UDP,
    AccessAccept,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    Retransmission,
    open_client,
)
from trioradius.attributes import (
    AcctOutputGigawords,
    AcctSessionId,
    AcctStatusType,
    CallingStationId,
    NASIPAddress,
    UserName,
    UserPassword,
)
from trioradius.protocol.profile import RADIUS_1_1
from trioradius.testing import AppClient

ROOT = pathlib.Path(__file__).parents[3]
READY_SECONDS = 30
PATIENT = Retransmission(attempts=20, initial=1, longest=2, duration=40)


@contextlib.contextmanager
def running(where: str, coa_port: int, folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The command with two workers on a free port; yields the file of its output."""
    printed = folder / "server.log"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "ISP_DATABASE": where,
        "ISP_COA_PORT": str(coa_port),
        "ISP_WATCH_SECONDS": "0.5",
    }
    command = [sys.executable, "-m", "trioradius", "run", "examples.isp:app", "--udp", "127.0.0.1:0", "--workers", "2"]
    with printed.open("w") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        yield printed
    except BaseException:
        print(printed.read_text())  # pytest shows it
        raise
    finally:
        server.terminate()
        server.wait(20)


def port_of(printed: pathlib.Path) -> int | None:
    """The port that the server says it listens on, once it does."""
    found = re.search(r"listens on UDP 127\.0\.0\.1:(\d+)", printed.read_text())
    return int(found[1]) if found else None


async def test_two_processes_agree_on_sessions_and_one_of_them_watches(where: str, tmp_path: pathlib.Path) -> None:
    async with serving(where) as site:
        await fill(site)
        await site.run("UPDATE isp_subscriber SET expiry_date = NULL")
        site.nas.sessions = None
        coa_port = site.app.state.settings.coa_port
        with running(where, coa_port, tmp_path) as printed:
            with trio.fail_after(READY_SECONDS):
                while not (port := port_of(printed)):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            server = UDP("127.0.0.1", port)
            replies: list[AccessReply] = []

            async def log_in(address: str, caller: int) -> None:
                async with open_client(
                    UDP(server.host, server.port, source_address=address),
                    secret=SECRET.encode(),
                    retransmission=PATIENT,
                ) as client:
                    avps = (UserName("fred"), UserPassword("fairness"), CallingStationId(f"{caller}"))
                    replies.append(await client.exchange(AccessRequest(*avps)))

            async with trio.open_nursery() as nursery:
                for caller, address in enumerate(list(NASES.values()) * 2):
                    nursery.start_soon(log_in, address, caller)
            assert sum(isinstance(reply, AccessAccept) for reply in replies) == 1
            async with open_client(server, secret=SECRET.encode(), retransmission=PATIENT) as client:
                await client.exchange(
                    AccountingRequest(
                        AcctStatusType(AcctStatusType.INTERIM_UPDATE),
                        UserName("fred"),
                        AcctSessionId("81"),
                        NASIPAddress("127.0.0.1"),
                        AcctOutputGigawords(25),
                    )
                )
            with trio.fail_after(READY_SECONDS):
                while not site.nas.told:  # noqa: ASYNC110
                    await trio.sleep(0.05)
            await trio.sleep(1.5)  # a second watch would have spoken by now
            assert [(name, user, repr(changes)) for name, user, changes in site.nas.told] == [
                ("CoA-Request", "fred", "(Mikrotik-Rate-Limit = '1000k/5000k',)")
            ]


async def test_the_same_answers_in_radius_1_1(small_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """And no warning of PAP, which TLS hides."""
    client = AppClient(small_site.app, profile=RADIUS_1_1)
    accepted = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
    assert accepted["Mikrotik-Rate-Limit"] == "1200k/2000k"
    refused = await client.exchange(AccessRequest(UserName("alice"), UserPassword("looking-glass")))
    assert refused.name == "Access-Reject"
    assert "PAP" not in caplog.text
