"""Attributes that have something special about them, both ways between our server and radclient.

test_every_attribute.py has the plain value of each attribute there is.
"""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any, Final

import pytest

from trioradius import AVP, AccessAccept, AccessRequest, App
from trioradius.attributes import (
    AcctStatusType,
    DelegatedIPv6Prefix,
    EAPMessage,
    FramedIPv6Prefix,
    ServiceType,
    TunnelMediumType,
    TunnelPassword,
    TunnelPrivateGroupId,
    TunnelType,
    UserName,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.freeradius_vendor import FreeRADIUS8021XEAPoLKeyMsg
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.attributes.mikrotik import MikrotikRateLimit
from trioradius.attributes.wimax import (
    WiMAXAccountingCapabilities,
    WiMAXCapability,
    WiMAXLocation,
    WiMAXMSK,
    WiMAXRelease,
)

from .radclient import PROVE, SECRET, Radclient
from .serving import serving

LONG: Final = bytes(range(200)) * 2
"""Longer than one attribute; radclient neither reads nor writes lines of more than a thousand characters."""
WIMAX: Final = WiMAXCapability(WiMAXRelease("1.1"), WiMAXAccountingCapabilities(1))

PLAIN: Final[list[tuple[list[AVP], list[str]]]] = [
    (
        [CiscoAVPair("ip:addr-pool=first"), CiscoAVPair('shell:priv-lvl="15"')],
        ['Cisco-AVPair = "ip:addr-pool=first"', 'Cisco-AVPair = "shell:priv-lvl=\\"15\\""'],
    ),
    ([MikrotikRateLimit("10M/20M 15M/30M")], ['Mikrotik-Rate-Limit = "10M/20M 15M/30M"']),
    (
        [TunnelType(13, tag=1), TunnelMediumType(6, tag=1), TunnelPrivateGroupId("42", tag=1)],
        ["Tunnel-Type:1 = VLAN", "Tunnel-Medium-Type:1 = IEEE-802", 'Tunnel-Private-Group-Id:1 = "42"'],
    ),
    ([TunnelPrivateGroupId("untagged")], ['Tunnel-Private-Group-Id:0 = "untagged"']),
    ([TunnelPrivateGroupId("43", tag=31)], ['Tunnel-Private-Group-Id:31 = "43"']),
    (
        [FramedIPv6Prefix("::/0"), FramedIPv6Prefix("2001:db8::/33"), DelegatedIPv6Prefix("2001:db8::1/128")],
        [
            "Framed-IPv6-Prefix = ::/0",
            "Framed-IPv6-Prefix = 2001:db8::/33",
            "Delegated-IPv6-Prefix = 2001:db8::1/128",
        ],
    ),
    ([WIMAX], ['WiMAX-Release = "1.1"', "WiMAX-Accounting-Capabilities = IP-Session-Based"]),
    ([WiMAXLocation(LONG)], [f"WiMAX-Location = 0x{LONG.hex()}"]),
    ([FreeRADIUS8021XEAPoLKeyMsg(LONG)], [f"FreeRADIUS-802.1X-EAPoL-Key-Msg = 0x{LONG.hex()}"]),
    ([EAPMessage(LONG)], [f"EAP-Message = 0x{LONG.hex()}"]),
    (
        [ServiceType(ServiceType.LOGIN_USER), AcctStatusType(7)],
        ["Service-Type = Login-User", "Acct-Status-Type = Accounting-On"],
    ),
]
"""What travels in the open, and how radclient writes and reads it."""
HIDDEN: Final[list[tuple[list[AVP], list[str]]]] = [
    ([TunnelPassword(password, tag=tag)], [f'Tunnel-Password:{tag} = "{password}"'])
    for password, tag in [("", 3), ("x", 1), ("fifteen octets.", 31), ("sixteen octets..", 0), ("y" * 200, 2)]
] + [
    (
        [MSMPPESendKey(bytes(range(16))), MSMPPERecvKey(bytes(range(16, 48)))],
        [f"MS-MPPE-Send-Key = 0x{bytes(range(16)).hex()}", f"MS-MPPE-Recv-Key = 0x{bytes(range(16, 48)).hex()}"],
    ),
    ([WiMAXMSK(bytes(range(64)))], [f"WiMAX-MSK = 0x{bytes(range(64)).hex()}"]),
]
"""What is hidden on the wire: the lines are proof that radclient could unhide it."""


def names(cases: list[tuple[list[AVP], list[str]]]) -> list[str]:
    return [lines[0][:40] for _, lines in cases]


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
