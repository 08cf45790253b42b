"""The reply to one verified request: the handler's, or the default that its code wants."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from trioradius.app import App
from trioradius.attributes.ietf import ErrorCause, EventTimestamp, UserName
from trioradius.errors import SILENCE, DecodeError, Discard, MissingAttribute, Replied
from trioradius.protocol.codes import ACCESS_REQUEST, ACCOUNTING_REQUEST, COA_REQUEST, DISCONNECT_REQUEST, STATUS_SERVER
from trioradius.protocol.packets import (
    REQUESTS,
    AccessAccept,
    AccessRequest,
    AccountingResponse,
    CoARequest,
    DisconnectRequest,
    Reply,
    Request,
)
from trioradius.protocol.source import Source
from trioradius.protocol.wire import Message
from trioradius.routing import NoHandler

log = logging.getLogger("trioradius.decision")

DYNAMIC: Final = frozenset({COA_REQUEST, DISCONNECT_REQUEST})
"""The codes of RFC 5176, which are refused with a NAK where others are discarded."""
HANDLED: Final = frozenset({ACCESS_REQUEST, ACCOUNTING_REQUEST})
"""The codes that handlers see in any case, once they are verified and accepted."""
VERDICTS: Final = (MissingAttribute, NoHandler, Discard, Replied)
"""What an app raises to decide, rather than by mistake."""


def request_class(message: Message, source: Source) -> type[Request[Any]]:
    """The class of a message that this listener takes.

    Raises:
        DecodeError: the code is no request's, or one that the listener does not take.
    """
    kind = REQUESTS.get(message.code)
    if kind is None or not kind.replies:
        raise DecodeError(
            f"code {message.code} is not a request that a server answers",
            reason="unexpected_code",
            error_cause=ErrorCause.UNSUPPORTED_EXTENSION,
        )
    if message.code not in source.accepts and message.code not in DYNAMIC and message.code != STATUS_SERVER:
        raise DecodeError(
            f"this listener does not take {kind.name}; UDP(..., accepts=...) says what it takes",
            reason="not_accepted",
            error_cause=ErrorCause.UNSUPPORTED_EXTENSION,
        )
    return kind


async def decide(app: App[Any], request: Request[Any], source: Source) -> tuple[Reply, bool]:
    """The reply to a request, and whether it is kept for repeats; the framework's own defaults are not.

    Raises:
        Discard: there is to be no reply.
        TypeError: the handler returned no reply, or one that cannot answer this request.
    """
    if request.code not in HANDLED:
        refusal = _unhandled(app, request, source)
        if refusal is not None:
            return refusal, False
    try:
        reply, keep = await app.dispatch(request), True
    except (*VERDICTS, ExceptionGroup) as error:
        reply, keep = _raised(_unwrapped(error), request)
    if not isinstance(reply, request.replies):
        raise TypeError(f"a handler answered {request.name} with {type(reply).__name__}")
    if reply.reason and log.isEnabledFor(logging.INFO):
        log.info("%s: %s %r: %s", request.source, reply.name, request.get(UserName), reply.reason)
    return reply, keep


def _unhandled(app: App[Any], request: Request[Any], source: Source) -> Reply | None:
    """The reply to what no handler is to see."""
    if request.code == STATUS_SERVER:
        return _alive(source)
    _require_recent(app, request)
    if request.code not in source.accepts:
        return _refused(request, ErrorCause.UNSUPPORTED_EXTENSION, "not taken by this listener")
    return None


def _raised(verdict: Exception, request: Request[Any]) -> tuple[Reply, bool]:
    match verdict:
        case Replied():
            return verdict.reply, True
        case MissingAttribute():
            return _refused(request, ErrorCause.MISSING_ATTRIBUTE, str(verdict)), True
        case NoHandler():
            return _refused(request, ErrorCause.UNSUPPORTED_EXTENSION, "no handler takes it"), False
    raise verdict from None


def _unwrapped(error: Exception) -> Exception:
    """The verdict that a handler's own nurseries wrapped in groups; the whole where anything else went wrong too."""
    found = error
    while isinstance(found, ExceptionGroup):
        if found.split(VERDICTS)[1] is not None:
            return error
        found = found.exceptions[0]
    return found


def _alive(source: Source) -> Reply:
    """Accounting-Response where only accounting is taken, else Access-Accept (RFC 5997 section 4.2)."""
    return AccountingResponse() if source.accepts == {ACCOUNTING_REQUEST} else AccessAccept()


def _require_recent(app: App[Any], request: Request[Any]) -> None:
    """RFC 5176 section 6.3: a replayed CoA-Request or Disconnect-Request shows by its Event-Timestamp."""
    stamp = request.get(EventTimestamp)
    if stamp is None:
        if request.peer is not None and request.peer.require_event_timestamp:
            raise DecodeError(
                f"{request.name} without Event-Timestamp", reason="event_timestamp_missing", error_cause=SILENCE
            )
    elif abs(time.time() - stamp.timestamp()) > app.event_timestamp_window:
        raise DecodeError(
            f"Event-Timestamp is off by more than {app.event_timestamp_window:g} s; are the clocks right? "
            "App(event_timestamp_window=...) widens it",
            reason="event_timestamp",
            error_cause=SILENCE,
        )


def _refused(request: Request[Any], cause: int, why: str) -> Reply:
    """What a request gets that no handler could answer; accounting gets silence (RFC 2866 section 2)."""
    if isinstance(request, AccessRequest):
        return request.reject(reason=why)
    told = request.source is not None and request.source.profile.tells_unsupported
    unsupported = told and cause == ErrorCause.UNSUPPORTED_EXTENSION
    if isinstance(request, CoARequest | DisconnectRequest) and not unsupported:
        return request.nak(cause, reason=why)
    raise Discard(f"{request.name}: {why}", reason="not_handled", error_cause=cause)
