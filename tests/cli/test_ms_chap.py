"""``trioradius send --ms-chap`` and ``--ms-chap-v2``, against a real server."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from .conftest import SECRET, Call, Complain, Program

SERVER = """
from trioradius import AccessAccept, AccessRequest, App
from trioradius.attributes import UserName
from trioradius.attributes.microsoft import MSCHAP2Response, MSCHAP2Success, MSCHAPResponse

app = App(peers={"127.0.0.0/8": b"testing123"}, reject_delay=0)


@app.on(AccessRequest)
async def authenticate(request):
    assert "User-Password" not in request
    if request[UserName] == "mallory":
        return request.accept(MSCHAP2Success(b"?S=" + b"0" * 40))
    wanted = {"one": MSCHAPResponse, "two": MSCHAP2Response}[request[UserName]]
    if wanted in request and request.verify_password("wonderland"):
        return request.accept()
    return request.reject()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.py").write_text(SERVER)
    program = Program("run", "server:app", "--udp", "127.0.0.1:0", cwd=folder)
    yield f"127.0.0.1:{program.port()}"
    program.process.kill()
    program.process.communicate()


@pytest.fixture(autouse=True)
def _secret(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIORADIUS_SECRET", SECRET)


@pytest.mark.parametrize(
    ("arguments", "status", "reply"),
    [
        ("{} --ms-chap User-Name=one User-Password=wonderland", 0, "Access-Accept"),
        ("{} --ms-chap-v2 User-Name=two User-Password=wonderland", 0, "Access-Accept"),
        ("{} --ms-chap User-Name=one User-Password=wonderlamp", 1, "Access-Reject"),
        ("{} --ms-chap-v2 User-Name=two User-Password=wonderlamp", 1, "Access-Reject"),
    ],
)
def test_logins(call: Call, server: str, arguments: str, status: int, reply: str) -> None:
    result = call("send", *arguments.format(server).split())
    assert result.stdout.splitlines()[0].startswith(f"{reply} in ")
    assert result.exit_code == status
    assert ("E=691" in result.stdout or b"E=691".hex() in result.stdout) is (status == 1)


def test_a_server_without_the_password_is_found_out(call: Call, server: str) -> None:
    result = call("send", server, "--ms-chap-v2", "User-Name=mallory", "User-Password=wonderland")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "without proving that it knows the password (MS-CHAP2-Success is missing or false)" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("{} --ms-chap --ms-chap-v2 User-Name=a User-Password=b", "give one of them"),
        ("{} --ms-chap --chap User-Name=a User-Password=b", "give one of them"),
        ("{} --ms-chap-v2 --eap md5 User-Name=a User-Password=b", "give one of them"),
        ("{} --ms-chap-v2 User-Name=a", "User-Name and User-Password"),
        ("{} --ms-chap-v2 User-Password=b", "User-Name and User-Password"),
        ("acct {} --ms-chap User-Name=a User-Password=b", "wants Access-Request"),
    ],
)
def test_mistakes(mistake: Complain, server: str, arguments: str, complaint: str) -> None:
    assert complaint in mistake("send", *arguments.format(server).split())
