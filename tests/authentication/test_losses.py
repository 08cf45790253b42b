"""Conversations over a network that loses, repeats and reorders, as seeds say, in virtual time."""

from __future__ import annotations

import pathlib
import random
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.authentication.talk import PASSWORDS, Served, request_of
from tests.eap.peers import Peer
from trioradius import (
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessReply,
    AccessRequest,
    MemoryDedupStore,
    NoResponse,
    TLSSettings,
)
from trioradius.attributes import EAPMessage, ErrorCause, State
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPTLS, EAPTTLS, PEAP, EAPMSCHAPv2
from trioradius.eap.supplicant import EAPCredentials, EAPMethod
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret
from trioradius.supplicant import authenticate
from trioradius.testing import AppClient
from trioradius.tls.certificates import write_development_certificates

SECRET = Secret(b"twenty-four octets, say.")


class LossyNAS:
    """A NAS behind a bad link. It repeats a request unchanged three times, then as a new one, as some do."""

    def __init__(self, client: AppClient, chance: random.Random) -> None:
        self.client = client
        self.chance = chance
        self.old: list[bytes] = []
        self.identifiers = 0
        self.challenges: dict[tuple[bytes | None, bytes], set[bytes]] = {}

    async def exchange(self, request: AccessRequest) -> AccessReply:
        """The reply to what the peer says; tried until one comes through."""
        asked = (request.get(State), request[EAPMessage])
        while True:
            self.identifiers = (self.identifiers + 1) % 256
            sent = Sent.make(request, self.identifiers, SECRET, RADIUS_1_0)
            for _ in range(3):
                octets = await self.send(sent.octets)
                await trio.sleep(self.chance.uniform(0.1, 2))
                if octets is not None and self.chance.random() < 0.7:
                    reply: Any = sent.read_reply(octets, self.client.app.dictionary)
                    if ErrorCause not in reply:
                        if asked[0] is not None and isinstance(reply, AccessChallenge):
                            self.challenges.setdefault(asked, set()).add(reply[EAPMessage])
                        return reply

    async def send(self, octets: bytes) -> bytes | None:
        """What comes of a request that may be lost, come twice, or be overtaken by an older one."""
        answer = None
        if self.chance.random() < 0.3 and self.old:
            await self.deliver(self.chance.choice(self.old))
        if self.chance.random() < 0.7:
            self.old.append(octets)
            answer = await self.deliver(octets)
        if self.chance.random() < 0.2:
            answer = await self.deliver(octets) or answer
        return answer

    async def deliver(self, octets: bytes) -> bytes | None:
        try:
            return await self.client.send(octets)
        except NoResponse:
            return None


async def attempt(nas: LossyNAS, peer: Peer) -> AccessReply:
    reply = await nas.exchange(request_of(peer.start(), user=peer.identity))
    while isinstance(reply, AccessChallenge):
        answer = peer.answer(reply[EAPMessage])
        reply = await nas.exchange(request_of(answer, reply[State], user=peer.identity))
    return reply


@pytest.mark.parametrize("seed", range(25))
async def test_a_bad_link(seed: int, autojump_clock: MockClock) -> None:
    """Whoever knows the password gets in, nobody else does, and one response never gets two requests."""
    served = Served(EAP([EAPMSCHAPv2(), EAPMD5(), EAPGTC()]), PASSWORDS.get)
    served.app.dedup = MemoryDedupStore(clock=trio.current_time)
    chance = random.Random(seed)
    nas = LossyNAS(served.client(), chance)
    methods = tuple(chance.sample((26, 4, 6), 3))
    assert isinstance(await attempt(nas, Peer(methods=methods)), AccessAccept)
    assert isinstance(await attempt(nas, Peer(password="wonderlamp", methods=methods)), AccessReject)
    assert {identity.user for identity in served.let_in} == {"alice"}
    assert {len(answers) for answers in nas.challenges.values()} == {1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("certificates")
    write_development_certificates(folder, datetime.now(UTC))
    return folder


@pytest.mark.parametrize("method", ["peap-mschapv2", "ttls-pap", "tls"])
@pytest.mark.parametrize("seed", range(4))
async def test_fragments_over_a_bad_link(
    seed: int, method: EAPMethod, folder: pathlib.Path, autojump_clock: MockClock
) -> None:
    """TLS breaks where one octet is missing, comes twice or too early; and the keys must be the peer's own."""
    ours = TLSSettings(certificate=folder / "server.pem", key=folder / "server.key", ca=folder / "ca.pem")
    served = Served(EAP([EAPTLS(ours), PEAP(ours), EAPTTLS(ours)], fragment_size=300))
    served.app.dedup = MemoryDedupStore(clock=trio.current_time)
    shown = attrs.evolve(ours, certificate=folder / "client.pem", key=folder / "client.key", server_name="localhost")
    credentials = EAPCredentials(method=method, identity="alice", password="wonderland", tls=shown)
    if method == "tls":
        credentials = attrs.evolve(credentials, password=None)
    nas = LossyNAS(served.client(), random.Random(seed))
    result = await authenticate(nas.exchange, credentials)
    assert result.accepted and len(result.msk) == 64 and result.rounds > 8
    assert {len(answers) for answers in nas.challenges.values()} == {1}


async def test_conversations_at_once_do_not_mix(autojump_clock: MockClock) -> None:
    served = Served(EAP([EAPMSCHAPv2(), EAPGTC()]), PASSWORDS.get)
    served.app.dedup = MemoryDedupStore(clock=trio.current_time)
    replies: dict[int, AccessReply] = {}

    async def one(number: int) -> None:
        peer = (Peer(), Peer("bob", "looking glass"), Peer("bob", "wonderland"), Peer(methods=(6,)))[number % 4]
        client = AppClient(served.app)
        client.source = served.client(f"127.0.0.{1 + number}").source
        replies[number] = await attempt(LossyNAS(client, random.Random(number)), peer)

    served.app.peers = type(served.app.peers)({"127.0.0.0/24": SECRET.octets})
    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(one, number)
    assert {number % 4 for number, reply in replies.items() if isinstance(reply, AccessAccept)} == {0, 1, 3}
    assert sum(isinstance(reply, AccessAccept) for reply in replies.values()) == 30
