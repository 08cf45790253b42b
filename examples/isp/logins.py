"""Logins: Access-Request to Access-Accept or Access-Reject, each of them a row of radpostauth with its reason."""

from __future__ import annotations

import logging
from typing import Final

from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    App,
    ConfigurationError,
    Credential,
    Router,
    read_credential,
)
from trioradius.attributes import UserName, UserPassword
from trioradius.sessions import Admitted
from trioradius.stores.sql.text import clean

from . import answer, policy
from .provider import Provider
from .subscribers import Account, read_account

WARNED_MAXIMUM: Final = 4096
"""NASes that are remembered as warned of."""
_PLAIN_REASONS: Final = ("", "wrong password", "unknown user")

log = logging.getLogger("isp.logins")


def router(app: App[Provider]) -> Router:
    """The route of logins."""
    routes = Router()

    @routes.on(AccessRequest)
    async def log_in(request: AccessRequest) -> AccessAccept | AccessReject:
        warn_of_pap(app.state, request)
        reply = await decide(app.state, request)
        await app.state.decisions.record(request, reply)
        return reply

    return routes


async def decide(provider: Provider, request: AccessRequest) -> AccessAccept | AccessReject:
    """The reply. The password is weighed whatever else is found, so that the time it takes tells nothing."""
    name, now = clean(request.octets(UserName)) or "", provider.clock()
    try:
        account = await provider.database.read(lambda connection: read_account(connection, name, now))
        known = await provider.passwords.verify(request, _credential(account))
    except ConfigurationError as error:
        return request.reject(reason=f"a row of the database cannot be used: {error}")
    if account is None:
        return request.reject(reason=policy.UNKNOWN_USER)
    refused = policy.refusal(account, now)
    if refused:
        return request.reject(reason=refused)
    if not known:
        return request.reject(reason=_bad_password(request))
    return await admit(provider, request, account, now)


async def admit(
    provider: Provider, request: AccessRequest, account: Account, now: float
) -> AccessAccept | AccessReject:
    """Let somebody in whose password was right, if there is a session left for him, and an address."""
    name, limit = account.subscriber.name, account.plan.sessions or None
    admission = await provider.sessions.admit(request, user=name, limit=limit, pool=policy.pool(account))
    if not isinstance(admission, Admitted):
        return request.reject(reason=admission.reason)
    vendor = request.peer.vendor if request.peer else ""
    try:
        attributes = answer.attributes(account, vendor, admission.attributes, provider.settings, now)
    except ConfigurationError as error:
        await provider.sessions.withdraw(request, user=name)
        return request.reject(reason=f"the rate of plan {account.plan.name} cannot be sent: {error}")
    return request.accept(*attributes)


def _credential(account: Account | None) -> Credential | None:
    return None if account is None else read_credential(account.subscriber.password)


def _bad_password(request: AccessRequest) -> str:
    """For the log, with what trioradius found where it is more than a wrong password."""
    why = request.reject().reason
    return policy.BAD_PASSWORD if why in _PLAIN_REASONS else f"{policy.BAD_PASSWORD} ({why})"


def warn_of_pap(provider: Provider, request: AccessRequest) -> None:
    """Once for each NAS: over UDP, MD5 and the shared secret are all that hides a password sent by PAP."""
    source = request.source
    if source is None or source.transport != "udp" or request.octets(UserPassword) is None:
        return
    if source.address not in provider.warned_of_pap and len(provider.warned_of_pap) < WARNED_MAXIMUM:
        provider.warned_of_pap.add(source.address)
        log.warning("NAS %s: passwords come by PAP outside TLS; use a long random secret, or RadSec", source.address)
