import pathlib
from datetime import UTC, datetime

import pytest

from examples import dtls
from trioradius.tls.certificates import write_development_certificates


async def test_server_and_client(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_development_certificates(tmp_path, datetime.now(UTC))
    await dtls.main(tmp_path)
    assert capsys.readouterr().out == "Access-Accept by RADIUS/1.0: Welcome, Alice\n"
