"""The way of one packet, on one page. Whoever wants to know how trioradius works reads this first."""

from __future__ import annotations

import random
from typing import Any, Final

from trioradius.app import App
from trioradius.claim import Claim
from trioradius.decision import decide, request_class
from trioradius.errors import Overload
from trioradius.peers import require_proof
from trioradius.peers.policy import learn
from trioradius.protocol.codes import ACCESS_REJECT
from trioradius.protocol.packets import Request
from trioradius.protocol.peer import Peer
from trioradius.protocol.source import Source
from trioradius.protocol.wire import Message
from trioradius.transports.abreast import abreast
from trioradius.transports.listener import Answer, Delayed

JITTER: Final = 0.1
"""Part of the reject delay that is random."""


async def respond(app: App[Any], octets: bytes, source: Source) -> Answer:
    """Octets from a peer to the octets that answer them: the way of one packet.

    Raises:
        RadiusError: the packet must be discarded (one of server.DISCARDED).
    """
    known = source.peer or app.peers.at_hand(source.address)
    peer = known or await app.peers.find(source.address)
    profile = source.profile
    message = profile.decode(octets)
    await abreast
    kind = verified(app, message, peer, source)
    await abreast
    require_room(app, source, itself=known is None)
    claim = Claim(app.dedup, source.duplicate_slot(message), message.authenticator)
    if asking := claim.begin():
        await asking
    try:
        if claim.is_repeat:
            app.counters["repeats"] += 1
            return claim.reply
        hiding = profile.request_hiding(message, peer.secret)
        request = kind.received(message, hiding, app.dictionary).sent_by(peer, source)
        reply, keep = await decide(app, request, source)
        await abreast
        signed = profile.encode_reply(reply, message, hiding, peer.secret)
        app.counters[reply.name] += 1
        if reply.code == ACCESS_REJECT and app.reject_delay:
            claim.keep_open()
            return Delayed(signed, app.reject_delay * random.uniform(1, 1 + JITTER), claim.finish)
        claim.reply = signed if keep else None
        return signed
    finally:
        if telling := claim.end():
            await telling


def verified(app: App[Any], message: Message, peer: Peer, source: Source) -> type[Request[Any]]:
    """The class of a message that this listener takes, that has the proof its peer owes, and whose proof holds.

    Raises:
        RadiusError: it must be discarded, and nobody may have learned anything from it.
    """
    kind = request_class(message, source)
    require_proof(message, peer, source, app.learned)
    source.profile.verify_request(message, peer.secret)
    app.counters[kind.name] += 1
    if peer.learns and source.transport == "udp":
        learn(message, peer, source.address, app.learned)
    return kind


def require_room(app: App[Any], source: Source, *, itself: bool) -> None:
    """Raises Overload where too many requests of one NAS, or of one connection, wait for their handlers.

    ``itself`` says that this one may be among them, since it has waited for its peer.
    """
    if app.in_flight and app.in_flight[source.sender] - itself >= app.limits.in_flight_per_address:
        raise Overload(
            "too many requests of this NAS are being answered; Limits(in_flight_per_address=...) bounds them",
            reason="address_overload",
        )
