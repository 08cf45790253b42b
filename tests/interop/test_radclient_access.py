"""Our server asked by radclient: Access-Request, and who gets an answer at all."""

from __future__ import annotations

import pytest

from trioradius import AccessAccept, AccessChallenge, AccessReject, AccessRequest, App, Peer
from trioradius.attributes import ReplyMessage, State, UserName, UserPassword

from .radclient import BRIEF, PROVE, SECRET, Radclient
from .serving import serving

OLD_NAS = Peer(SECRET, require_message_authenticator=False)


def application(peer: Peer | str = SECRET) -> App[None]:
    """Takes in whoever proves to know "wonderland", and asks "eve" for a code first."""
    app: App[None] = App({"127.0.0.1": peer}, reject_delay=0)

    @app.on(AccessRequest, when=lambda request: request[UserName] == "eve")
    async def challenge(request: AccessRequest) -> AccessAccept | AccessReject | AccessChallenge:
        if State not in request:
            return request.challenge(State(b"\x00first"), ReplyMessage("Code?"))
        right = request[State] == b"\x00first" and request.verify_password("123456")
        return request.accept() if right else request.reject()

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        if request.verify_password("wonderland"):
            return request.accept(ReplyMessage(f"Welcome, {request[UserName]}"))
        return request.reject(ReplyMessage("No."), reason="wrong password")

    return app


@pytest.mark.parametrize("password", ["User-Password", "CHAP-Password"])
async def test_a_password(radclient: Radclient, password: str) -> None:
    app = application()
    async with serving(app) as [address]:
        right = await radclient(address, "auth", f'User-Name = "älice"\n{password} = "wonderland"\n{PROVE}')
        wrong = await radclient(address, "auth", f'User-Name = "älice"\n{password} = "wonderlamp"\n{PROVE}')
    assert (right.reply.name, right.reply.attributes) == ("Access-Accept", ['Reply-Message = "Welcome, älice"'])
    assert (wrong.reply.name, wrong.reply.attributes) == ("Access-Reject", ['Reply-Message = "No."'])
    # radclient has verified it, and it comes first.
    assert right.reply.lines[0].startswith("Message-Authenticator = 0x")


@pytest.mark.parametrize("password", ["p", "0123456789abcdef", "0123456789abcdefg", "x" * 128, "grüß dich, wörld €"])
async def test_user_password_of_every_size(radclient: Radclient, password: str) -> None:
    app = App({"127.0.0.1": SECRET})

    @app.on(AccessRequest)
    async def echo(request: AccessRequest) -> AccessAccept:
        return request.accept(ReplyMessage(request[UserPassword]))

    async with serving(app) as [address]:
        run = await radclient(address, "auth", f'User-Name = "alice"\nUser-Password = "{password}"\n{PROVE}')
    assert run.reply.attributes == [f'Reply-Message = "{password}"']


async def test_a_challenge_and_its_state(radclient: Radclient) -> None:
    async with serving(application()) as [address]:
        asked = await radclient(address, "auth", f'User-Name = "eve"\n{PROVE}')
        state, message = asked.reply.attributes
        answered = await radclient(address, "auth", f'User-Name = "eve"\nUser-Password = "123456"\n{state}\n{PROVE}')
        forged = await radclient(address, "auth", f'User-Name = "eve"\nUser-Password = "123456"\nState = 0x00\n{PROVE}')
    assert (asked.reply.name, message) == ("Access-Challenge", 'Reply-Message = "Code?"')
    assert (answered.reply.name, forged.reply.name) == ("Access-Accept", "Access-Reject")


async def test_proxy_state_comes_back_in_order(radclient: Radclient) -> None:
    states = ["Proxy-State = 0x02", "Proxy-State = 0x00ff", "Proxy-State = 0x0201"]
    async with serving(application()) as [address]:
        run = await radclient(address, "auth", "\n".join(['User-Name = "alice"', *states, PROVE]))
    assert run.reply.attributes == ['Reply-Message = "No."', *states]


PASSWORD = 'User-Name = "alice"\nUser-Password = "wonderland"'


@pytest.mark.parametrize(
    "peer,packet",
    [
        (OLD_NAS, PASSWORD),
        (Peer(SECRET, require_message_authenticator=False, limit_proxy_state=False), f"{PASSWORD}\nProxy-State = 0x01"),
        (Peer(SECRET), f"{PASSWORD}\nProxy-State = 0x01\n{PROVE}"),
        (Peer(SECRET), f"{PROVE}\n{PASSWORD}"),
    ],
    ids=["old NAS", "old proxy", "proxy", "proof first"],
)
async def test_taken(radclient: Radclient, peer: Peer, packet: str) -> None:
    async with serving(application(peer)) as [address]:
        run = await radclient(address, "auth", packet)
    assert run.reply.name == "Access-Accept"


@pytest.mark.parametrize(
    "peer,packet,reason",
    [
        (Peer(SECRET), PASSWORD, "message_authenticator_missing"),
        (OLD_NAS, f"{PASSWORD}\nProxy-State = 0x01", "proxy_state_without_message_authenticator"),
        (OLD_NAS, 'User-Name = "alice"\nEAP-Message = 0x0201000801626f62', "eap_without_message_authenticator"),
        (OLD_NAS, f"{PASSWORD}\nEAP-Message = 0x0201000801626f62\n{PROVE}", "eap_beside_password"),
        (Peer("another secret"), f"{PASSWORD}\n{PROVE}", "message_authenticator_wrong"),
    ],
    ids=["no proof", "proxy without proof", "EAP without proof", "EAP beside a password", "wrong secret"],
)
async def test_dropped(radclient: Radclient, peer: Peer, packet: str, reason: str) -> None:
    app = application(peer)
    async with serving(app) as [address]:
        run = await radclient(address, "auth", packet, timeout=BRIEF)
    assert (run.replies, run.status) == ((), 1)
    assert dict(app.counters) == {f"discarded.{reason}": 1}


async def test_an_unknown_peer_is_dropped(radclient: Radclient) -> None:
    app = App({"192.0.2.1": SECRET})
    async with serving(app) as [address]:
        run = await radclient(address, "auth", f"{PASSWORD}\n{PROVE}", timeout=BRIEF)
    assert run.replies == ()
    assert dict(app.counters) == {"discarded.unknown_peer": 1}


async def test_two_thousand_requests_a_hundred_at_once(radclient: Radclient) -> None:
    app = application()
    async with serving(app) as [address]:
        run = await radclient(address, "auth", f"{PASSWORD}\n{PROVE}", options=("-p", "100", "-c", "2000", "-s"))
    assert len(run.replies) == 2000
    assert "Accepted      : 2000" in run.text
    assert app.counters["Access-Accept"] == 2000
