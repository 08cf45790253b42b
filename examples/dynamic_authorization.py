"""Dynamic authorization, the NAS's side: change a session or end it when the RADIUS server asks (RFC 5176)."""

from dataclasses import dataclass

from trioradius import App, CoAACK, CoANAK, CoARequest, DisconnectACK, DisconnectNAK, DisconnectRequest
from trioradius.attributes import AcctSessionId, ErrorCause, SessionTimeout


@dataclass
class Session:
    user: str
    timeout: int


sessions = {"0000001A": Session("alice", timeout=3600)}

app = App(peers={"127.0.0.1": b"testing123"})


# A request without Acct-Session-Id gets a NAK with Error-Cause 402 (Missing-Attribute): indexing asks for it.


@app.on(CoARequest)
async def change(request: CoARequest) -> CoAACK | CoANAK:
    session = sessions.get(request[AcctSessionId])
    if session is None:
        return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    timeout = request.get(SessionTimeout)
    if timeout is None:
        return request.nak(ErrorCause.UNSUPPORTED_ATTRIBUTE, reason="only Session-Timeout can be changed")
    session.timeout = timeout
    return request.ack()


@app.on(DisconnectRequest)
async def disconnect(request: DisconnectRequest) -> DisconnectACK | DisconnectNAK:
    if sessions.pop(request[AcctSessionId], None) is None:
        return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    return request.ack()
