"""Our server asked by eapol_test, by the methods that need no TLS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trioradius import AccessReply, AccessRequest, App
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPMSCHAPv2, Identity, NTHash
from trioradius.eap.method import MethodSettings
from trioradius.protocol.ms_chap import nt_hash

from .eapol import SECRET, EapolTest
from .radclient import PROVE, Radclient
from .serving import serving

PASSWORDS = {"alice": "wonderland", "EXAMPLE\\bob": NTHash(nt_hash("looking glass"))}
ALICE = {"identity": '"alice"', "password": '"wonderland"'}
NO_KEYS = "-n"


class Application:
    """An app with these methods, and the identities that it has let in."""

    def __init__(self, methods: Sequence[MethodSettings], *, reject: bool = False, **settings: Any) -> None:
        self.app: App[None] = App({"127.0.0.1": SECRET}, reject_delay=0)
        self.eap = EAP(methods, **settings)
        self.let_in: list[Identity] = []

        @self.app.on(AccessRequest)
        async def authenticate(request: AccessRequest) -> AccessReply:
            identity = await self.eap.authenticate(request, PASSWORDS.get)
            self.let_in.append(identity)
            return request.reject(reason="not today") if reject else request.accept()


@pytest.mark.parametrize(
    ("method", "name"),
    [(EAPMD5(), "MD5"), (EAPGTC(), "GTC"), (EAPMSCHAPv2(), "MSCHAPV2")],
    ids=["MD5", "GTC", "MSCHAPv2"],
)
async def test_a_method(eapol_test: EapolTest, method: MethodSettings, name: str) -> None:
    ours = Application([method])
    options = () if name == "MSCHAPV2" else (NO_KEYS,)
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, {"eap": name, **ALICE}, *options)
        wrong = await eapol_test(address, {"eap": name, **ALICE, "password": '"wonderlamp"'}, *options)
        unknown = await eapol_test(address, {"eap": name, **ALICE, "identity": '"mallory"'}, *options)
    assert run.succeeded, run.text
    if name == "MSCHAPV2":
        assert run.keys == (1, 0)
    assert wrong.rejected and unknown.rejected
    assert ours.let_in == [Identity("alice", "alice", method.name)]
    assert len(ours.eap.conversations) == 0


async def test_an_nt_hash_and_a_domain(eapol_test: EapolTest) -> None:
    ours = Application([EAPMSCHAPv2()])
    network = {"eap": "MSCHAPV2", "identity": '"EXAMPLE\\bob"', "password": '"looking glass"'}
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, network)
    assert run.succeeded and run.keys == (1, 0), run.text


async def test_nak_to_another_method(eapol_test: EapolTest) -> None:
    """The peer refuses what the server likes best, and gets the first of those that it can."""
    ours = Application([EAPGTC(), EAPMSCHAPv2(), EAPMD5()])
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, {"eap": "MD5 MSCHAPV2", **ALICE})
    assert run.succeeded, run.text
    assert [identity.method for identity in ours.let_in] == ["MSCHAPv2"]


async def test_nothing_in_common(eapol_test: EapolTest) -> None:
    ours = Application([EAPMSCHAPv2()])
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, {"eap": "MD5", **ALICE}, NO_KEYS)
    assert run.rejected and not ours.let_in


async def test_the_handler_rejects_who_has_proved_himself(eapol_test: EapolTest) -> None:
    ours = Application([EAPMSCHAPv2()], reject=True)
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, {"eap": "MSCHAPV2", **ALICE})
    assert run.rejected, run.text
    assert [identity.user for identity in ours.let_in] == ["alice"]


async def test_again_and_again(eapol_test: EapolTest) -> None:
    """-r: reauthentications, each a conversation of its own with keys of its own."""
    ours = Application([EAPMSCHAPv2()])
    async with serving(ours.app) as [address]:
        run = await eapol_test(address, {"eap": "MSCHAPV2", **ALICE}, "-r3")
    assert run.succeeded and run.keys == (4, 0), run.text
    assert len(ours.let_in) == 4


async def test_a_plain_password_by_the_same_handler(radclient: Radclient) -> None:
    ours = Application([EAPMSCHAPv2()])
    async with serving(ours.app) as [address]:
        right = await radclient(address, "auth", f'User-Name = "alice"\nUser-Password = "wonderland"\n{PROVE}')
        wrong = await radclient(address, "auth", f'User-Name = "alice"\nCHAP-Password = "wonderlamp"\n{PROVE}')
    assert (right.reply.name, wrong.reply.name) == ("Access-Accept", "Access-Reject")
    assert ours.let_in == [Identity("alice", "alice", "PAP")]


async def test_a_state_of_nobody(radclient: Radclient) -> None:
    ours = Application([EAPMSCHAPv2()])
    identity = f'User-Name = "alice"\nEAP-Message = 0x0207000a01616c696365\n{PROVE}'
    async with serving(ours.app) as [address]:
        begun = await radclient(address, "auth", identity)
        stale = await radclient(address, "auth", f"{identity}\nState = 0x00")
    assert begun.reply.name == "Access-Challenge"
    assert stale.reply.attributes == ["EAP-Message = 0x04070004"]
