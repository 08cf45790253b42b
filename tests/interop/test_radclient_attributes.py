"""Attributes that have something special about them, both ways between our server and radclient."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

import pytest

from trioradius import AVP, AccessAccept, AccessRequest, App
from trioradius.attributes import FramedIPv6Prefix, UserName

from .examples import HIDDEN, PLAIN, names
from .radclient import PROVE, SECRET, Radclient
from .serving import serving


@pytest.mark.parametrize("avps,lines", PLAIN + HIDDEN, ids=names(PLAIN + HIDDEN))
async def test_radclient_reads_what_we_write(radclient: Radclient, avps: list[AVP], lines: list[str]) -> None:
    app: App[None] = App({"127.0.0.1": SECRET})

    @app.on(AccessRequest)
    async def reply(request: AccessRequest) -> AccessAccept:
        return request.accept(*avps)

    async with serving(app) as [address]:
        run = await radclient(address, "auth", f'User-Name = "alice"\n{PROVE}')
    assert run.reply.attributes == lines


@pytest.mark.parametrize("avps,lines", PLAIN, ids=names(PLAIN))
async def test_we_read_what_radclient_writes(radclient: Radclient, avps: list[AVP], lines: list[str]) -> None:
    app: App[None] = App({"127.0.0.1": SECRET})
    found: list[tuple[str, Any]] = []

    @app.on(AccessRequest)
    async def read(request: AccessRequest) -> AccessAccept:
        found.extend(request)
        return request.accept()

    async with serving(app) as [address]:
        await radclient(address, "auth", "\n".join(['User-Name = "alice"', *lines, PROVE]))
    assert found[0] == (UserName.name, "alice")
    assert found[1:-1] == [(avp.name, avp.value) for avp in avps]


async def test_a_prefix_with_bits_outside(radclient: Radclient) -> None:
    app: App[None] = App({"127.0.0.1": SECRET})
    found: list[IPv6Network] = []

    @app.on(AccessRequest)
    async def read(request: AccessRequest) -> AccessAccept:
        found.extend(request.all(FramedIPv6Prefix))
        return request.accept()

    async with serving(app) as [address]:
        await radclient(address, "auth", f"Framed-IPv6-Prefix = 2001:db8:ffff::1/33\n{PROVE}")
    assert found == [IPv6Network("2001:db8:8000::/33")]
