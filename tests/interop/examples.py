"""Attributes that have something special about them, as AVPs and as FreeRADIUS' programs write them.

test_every_attribute.py has a plain value of each attribute there is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from trioradius import AVP
from trioradius.attributes import (
    AcctStatusType,
    DelegatedIPv6Prefix,
    EAPMessage,
    EventTimestamp,
    FramedInterfaceId,
    FramedIPAddress,
    FramedIPv6Prefix,
    MIP6FeatureVector,
    NASIPv6Address,
    PMIP6HomeIPv4HoA,
    ServiceType,
    SessionTimeout,
    TunnelMediumType,
    TunnelPassword,
    TunnelPrivateGroupId,
    TunnelType,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.freeradius_vendor import FreeRADIUS8021XEAPoLKeyMsg
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.attributes.mikrotik import MikrotikRateLimit
from trioradius.attributes.wimax import (
    WiMAXAccountingCapabilities,
    WiMAXCapability,
    WiMAXGlobalServiceClassName,
    WiMAXLocation,
    WiMAXMSK,
    WiMAXQoSDescriptor,
    WiMAXRelease,
    WiMAXServiceClassName,
)

LONG: Final = bytes(range(200)) * 2
"""Longer than one attribute; radclient neither reads nor writes lines of more than a thousand characters."""
LONG_TLV: Final = WiMAXQoSDescriptor(WiMAXServiceClassName("x" * 200), WiMAXGlobalServiceClassName("y" * 200))
"""Its parts fit one attribute each, and it fits none: WiMAX goes on in a second."""
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
    (
        [LONG_TLV],
        [f'WiMAX-Service-Class-Name = "{"x" * 200}"', f'WiMAX-Global-Service-Class-Name = "{"y" * 200}"'],
    ),
    ([WiMAXLocation(LONG)], [f"WiMAX-Location = 0x{LONG.hex()}"]),
    ([FreeRADIUS8021XEAPoLKeyMsg(LONG)], [f"FreeRADIUS-802.1X-EAPoL-Key-Msg = 0x{LONG.hex()}"]),
    ([EAPMessage(LONG)], [f"EAP-Message = 0x{LONG.hex()}"]),
    (
        [ServiceType(ServiceType.LOGIN_USER), AcctStatusType(7)],
        ["Service-Type = Login-User", "Acct-Status-Type = Accounting-On"],
    ),
    (
        [SessionTimeout(2**32 - 1), MIP6FeatureVector(2**64 - 1)],
        ["Session-Timeout = 4294967295", "MIP6-Feature-Vector = 18446744073709551615"],
    ),
    (
        [FramedIPAddress("255.255.255.254"), NASIPv6Address("2001:db8::1"), PMIP6HomeIPv4HoA("192.0.2.0/25")],
        [
            "Framed-IP-Address = 255.255.255.254",
            "NAS-IPv6-Address = 2001:db8::1",
            "PMIP6-Home-IPv4-HoA = 192.0.2.0/25",
        ],
    ),
    (
        [FramedInterfaceId("0000:00a1:0002:fff3"), EventTimestamp(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))],
        ["Framed-Interface-Id = 0:a1:2:fff3", 'Event-Timestamp = "Nov 14 2023 22:13:20 UTC"'],
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
    """What to call the cases of a table in pytest's output."""
    return [lines[0][:40] for _, lines in cases]
