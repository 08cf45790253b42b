"""MS-CHAP and hashed passwords, with radclient and FreeRADIUS at the other end."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessRequest,
    App,
    AuthenticityError,
    MSCHAPFailure,
    NTHash,
    open_client,
    read_credential,
)
from trioradius.attributes import UserName, UserPassword
from trioradius.attributes.attribute import AVP
from trioradius.attributes.microsoft import (
    MSCHAP2Success,
    MSCHAPError,
    MSCHAPMPPEKeys,
    MSMPPEEncryptionPolicy,
    MSMPPERecvKey,
    MSMPPESendKey,
)
from trioradius.authentication import Passwords
from trioradius.protocol.logins import MSCHAPLogin, ms_chap, ms_chap_v2

from .freeradius import CONFIGURATION, FreeRADIUS
from .radclient import PROVE, SECRET, Radclient
from .serving import serving

HASHES: Final = dict(
    re.findall(r"^(hash-\S+)\tPassword-With-Header := '(.*)'$", (CONFIGURATION / "users").read_text(), re.M)
)
"""The users of FreeRADIUS whose one password is kept in many forms."""


def application(known: str | NTHash = "wonderland") -> App[None]:
    """Takes in alice, whoever proves to know her password; eve's has expired."""
    app: App[None] = App({"127.0.0.1": SECRET}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        if not request.verify_password(known):
            return request.reject()
        if request[UserName] == "eve":
            return request.reject(ms_chap_error=MSCHAPFailure.PASSWORD_EXPIRED)
        return request.accept()

    return app


@pytest.mark.parametrize("known", ["wonderland", NTHash.of("wonderland")])
async def test_radclient_by_ms_chap(radclient: Radclient, known: str | NTHash) -> None:
    """radclient makes challenge and response itself, and unhides the keys."""

    def line(name: str, password: str) -> str:
        return f'User-Name = "{name}"\nMS-CHAP-Password = "{password}"\n{PROVE}'

    async with serving(application(known)) as [address]:
        right = await radclient(address, "auth", line("alice", "wonderland"))
        wrong = await radclient(address, "auth", line("alice", "wonderlamp"))
        expired = await radclient(address, "auth", line("eve", "wonderland"))
    assert right.reply.name == "Access-Accept"
    # The MD4 of the NT hash (iconv -t UTF-16LE | openssl dgst -md4 -binary, twice), and nothing of LAN Manager's.
    assert right.reply.attributes == [
        f"MS-CHAP-MPPE-Keys = 0x{bytes(8).hex()}ae244e1e9717c8c9cb18efc93e24530a",
        "MS-MPPE-Encryption-Policy = Encryption-Allowed",
        "MS-MPPE-Encryption-Types = 4",
    ]
    assert (wrong.reply.name, expired.reply.name) == ("Access-Reject", "Access-Reject")
    assert re.search(r"E=691 R=0 C=[0-9A-F]{16} V=2", wrong.reply.attributes[0])
    assert re.search(r"E=648 R=0 C=[0-9A-F]{16} V=2", expired.reply.attributes[0])


async def to_freeradius(freeradius: FreeRADIUS, *attributes: AVP) -> Any:
    settings: dict[str, Any] = {"secret": SECRET, "require_message_authenticator": False}
    async with open_client(UDP("127.0.0.1", freeradius.authentication), **settings) as client:
        return await client.exchange(AccessRequest(UserName("alice"), *attributes))


def ours(*attributes: AVP, password: str = "wonderland") -> AccessAccept:
    """What we answer to the same request."""
    request = AccessRequest(UserName("alice"), *attributes)
    assert request.verify_password(password)
    return request.accept()


@pytest.mark.parametrize("login", [ms_chap("wonderland"), ms_chap_v2("alice", "wonderland")], ids=["v1", "v2"])
async def test_freeradius_gives_the_same_proof_and_keys(freeradius: FreeRADIUS, login: MSCHAPLogin) -> None:
    reply = await to_freeradius(freeradius, *login.attributes)
    assert isinstance(reply, AccessAccept)
    login.require_proof(reply)
    mine = ours(*login.attributes)
    for attribute in (MSCHAP2Success, MSMPPESendKey, MSMPPERecvKey, MSCHAPMPPEKeys, MSMPPEEncryptionPolicy):
        assert reply.octets(attribute) == mine.octets(attribute), attribute.name
    assert reply.octets(MSMPPESendKey if login.proof else MSCHAPMPPEKeys)


async def test_freeradius_rejects_a_wrong_password_with_the_same_error(freeradius: FreeRADIUS) -> None:
    login = ms_chap_v2("alice", "wonderlamp", identifier=65)
    reply = await to_freeradius(freeradius, *login.attributes)
    assert isinstance(reply, AccessReject)
    request = AccessRequest(UserName("alice"), *login.attributes)
    assert not request.verify_password("wonderland")
    form = re.compile(rb"AE=691 R=[01] C=[0-9a-fA-F]{32} V=3 M=.+")
    for each in (reply, request.reject()):
        assert form.fullmatch(each.octets(MSCHAPError) or b"")


async def test_a_server_that_accepts_without_the_proof_is_found_out(freeradius: FreeRADIUS) -> None:
    """The user "everything" gets in without a password."""
    login = ms_chap_v2("everything", "wonderland")
    settings: dict[str, Any] = {"secret": SECRET, "require_message_authenticator": False}
    async with open_client(UDP("127.0.0.1", freeradius.authentication), **settings) as client:
        reply = await client.exchange(AccessRequest(UserName("everything"), *login.attributes))
    assert isinstance(reply, AccessAccept)
    with pytest.raises(AuthenticityError, match="MS-CHAP2-Success"):
        login.require_proof(reply)


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("password", ["wonderland", "wonderland ", "Wonderland"])
async def test_a_hashed_password_means_the_same_to_freeradius(freeradius: FreeRADIUS, name: str, password: str) -> None:
    settings: dict[str, Any] = {"secret": SECRET, "require_message_authenticator": False}
    request = AccessRequest(UserName(name), UserPassword(password))
    async with open_client(UDP("127.0.0.1", freeradius.authentication), **settings) as client:
        reply = await client.exchange(request)
    assert isinstance(reply, AccessAccept) is (password == "wonderland")
    assert await Passwords().verify(request, read_credential(HASHES[name])) is isinstance(reply, AccessAccept)
