import pathlib
from datetime import UTC, datetime

import pytest

from examples import radius_1_1
from trioradius.tls.certificates import write_development_certificates


async def test_a_client_of_1_1_alone(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_development_certificates(tmp_path, datetime.now(UTC))
    await radius_1_1.main(tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "a server of 1.0, 1.1: Access-Accept by RADIUS/1.1: Welcome, Alice",
        "a server of 1.1: Access-Accept by RADIUS/1.1: Welcome, Alice",
        "a server of 1.0: refused: version_refused",
    ]
