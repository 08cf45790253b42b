import pathlib
from datetime import UTC, datetime

import pytest
from trio.testing import MockClock

from examples import radsec, radsec_status
from tests.desk import served
from trioradius import TLS, AccountingRequest
from trioradius.tls.certificates import write_development_certificates


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    write_development_certificates(tmp_path, datetime.now(UTC))
    return tmp_path


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 20 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.02)


@pytest.mark.parametrize(("accepts", "kind"), [(None, "requests"), ([AccountingRequest], "accounting")])
async def test_a_server_that_is_there(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], accepts: list[type[AccountingRequest]] | None, kind: str
) -> None:
    listener = TLS("127.0.0.1", 0, radsec.settings(folder, "server"), accepts=accepts)
    async with served(radsec.app, listener) as (host, port):
        await radsec_status.main(folder, host, port)
    assert capsys.readouterr().out == f"it answers {kind} by RADIUS/1.1\n"


async def test_nobody_there(folder: pathlib.Path, clock: MockClock) -> None:
    async with served(radsec.app, TLS("127.0.0.1", 0, radsec.settings(folder, "server"))) as (host, port):
        pass
    told = await radsec_status.status(TLS(host, port, radsec.settings(folder, "client")))
    assert told == "it does not answer: connection_refused"
