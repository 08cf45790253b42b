"""Our supplicant against FreeRADIUS: every method, TLS 1.2 and 1.3, large and small fragments, and what must fail."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any, Final

import attrs
import pytest

from tests.eap_app import alice
from tests.tls.pki import PKI
from trioradius import UDP, AuthenticityError, EAPCredentials, EAPResult, open_client
from trioradius.attributes import NASPort
from trioradius.eap.supplicant import EAP_METHODS, needs_certificate, needs_tls

from .conftest import installed
from .freeradius import free_ports

CONFIGURATION: Final = pathlib.Path(__file__).parent / "raddb_eap"
SECRET: Final = "testing123"
READY_SECONDS: Final = 30
LOOK_AGAIN: Final = 0.05
WITH_PASSWORD: Final = [method for method in EAP_METHODS if not needs_certificate(method)]


@attrs.frozen
class Server:
    """Where a FreeRADIUS listens, what it was told of TLS, and where it writes down who logged in."""

    address: UDP
    version: str
    fragment_size: int
    directory: pathlib.Path

    async def authenticate(self, credentials: EAPCredentials) -> EAPResult:
        """What it makes of these credentials; nothing that it sends may have been thrown away."""
        fitting = attrs.evolve(credentials, fragment_size=self.fragment_size)
        async with open_client(self.address, secret=SECRET) as client:
            result = await client.authenticate(fitting, NASPort(1))
            assert not client.counters
            return result

    def log(self) -> str:
        """What it has written so far."""
        return (self.directory / "output").read_text()


@pytest.fixture(
    scope="module", params=[("1.2", 1_024), ("1.3", 1_024), ("1.2", 400), ("1.3", 400)], ids=lambda given: str(given)
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: PKI) -> Iterator[Server]:
    version, fragment_size = request.param
    directory = tmp_path_factory.mktemp("freeradius")
    shutil.copytree(CONFIGURATION, directory, dirs_exist_ok=True)
    [port] = free_ports(1)
    environment = os.environ | {
        "DIRECTORY": str(directory),
        "CERTIFICATES": str(pki.folder),
        "SECRET": SECRET,
        "PORT": str(port),
        "TLS_VERSION": version,
        "FRAGMENT_SIZE": str(fragment_size),
        "INNER_FRAGMENT_SIZE": str(fragment_size - 90),
        "DEFAULT_EAP_TYPE": "md5",
    }
    printed = directory / "output"
    command = [installed("freeradius", "freeradius"), "-f", "-l", "stdout", "-d", str(directory)]
    with printed.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _wait(process, printed)
        yield Server(UDP("127.0.0.1", port), version, fragment_size, directory)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], printed: pathlib.Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if b"Ready to process requests" in printed.read_bytes():
            return
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"freeradius does not begin:\n{printed.read_text()[-4000:]}")


@pytest.mark.parametrize("method", EAP_METHODS)
async def test_every_method(server: Server, pki: PKI, method: Any) -> None:
    """All but MD5 have to be asked for by Nak; the keys of the Access-Accept have been compared."""
    result = await server.authenticate(alice(pki, method))
    assert result.accepted
    assert result.tls_version == (f"TLSv{server.version}" if needs_tls(method) else "")
    assert bool(result.msk) == (method not in ("md5", "gtc"))
    if needs_tls(method):
        assert result.rounds > 9 or server.fragment_size > 1_000
        assert result.certificate is not None
        assert result.certificate.dns == ("localhost",)


@pytest.mark.parametrize("method", WITH_PASSWORD)
async def test_a_wrong_password(server: Server, pki: PKI, method: Any) -> None:
    result = await server.authenticate(alice(pki, method, "looking glass"))
    assert not result.accepted
    assert result.msk == b""


@pytest.mark.parametrize("method", ["peap-mschapv2", "ttls-pap"])
async def test_an_anonymous_identity(server: Server, pki: PKI, method: Any) -> None:
    hidden = attrs.evolve(alice(pki, method), anonymous_identity="anonymous@example.org")
    assert (await server.authenticate(hidden)).accepted
    assert "Login OK: [anonymous@example.org]" in server.log()


@pytest.mark.parametrize("method", ["mschapv2", "peap-mschapv2", "ttls-mschapv2"])
async def test_a_domain(server: Server, pki: PKI, method: Any) -> None:
    """It is said, and left out of what is hashed (RFC 2759 section 4)."""
    assert (await server.authenticate(attrs.evolve(alice(pki, method), identity="ALICE\\alice"))).accepted


@pytest.mark.parametrize("method", [method for method in EAP_METHODS if needs_tls(method)])
@pytest.mark.parametrize("wrong", ["name", "ca"])
async def test_a_server_that_is_not_believed(server: Server, pki: PKI, method: Any, wrong: str) -> None:
    changes = {"name": {"server_name": "radius.example.org"}, "ca": {"ca": pki.folder / "deep.pem"}}[wrong]
    with pytest.raises(AuthenticityError) as raised:
        await server.authenticate(alice(pki, method, **changes))
    assert raised.value.reason == "certificate_refused"


@pytest.mark.parametrize("method", ["tls", "peap-tls"])
@pytest.mark.parametrize("certificate", ["stranger", "expired"])
async def test_a_certificate_that_is_refused(server: Server, pki: PKI, method: Any, certificate: str) -> None:
    shown = {"certificate": pki.folder / f"{certificate}.pem", "key": pki.folder / f"{certificate}.key"}
    assert not (await server.authenticate(alice(pki, method, **shown))).accepted


@pytest.mark.parametrize("method", ["tls", "peap-gtc"])
async def test_a_pinned_server(server: Server, pki: PKI, method: Any) -> None:
    pinned = alice(pki, method, ca=None, server_name="", fingerprints=pki.fingerprint("server"))
    assert (await server.authenticate(pinned)).accepted
    another = alice(pki, method, ca=None, server_name="", fingerprints=pki.fingerprint("deep"))
    with pytest.raises(AuthenticityError):
        await server.authenticate(another)


@pytest.mark.parametrize("method", ["tls", "peap-mschapv2", "ttls-chap"])
async def test_the_highest_tls_version_is_ours_to_say(server: Server, pki: PKI, method: Any) -> None:
    assert (await server.authenticate(alice(pki, method, maximum_version="1.2"))).tls_version == "TLSv1.2"
