"""Which dictionary files the bundled modules are generated from. The files are FreeRADIUS', the supplements ours."""

from __future__ import annotations

import pathlib
from typing import Any, Final

import attrs

from trioradius.attributes.attribute import Attribute

SOURCE: Final = "the FreeRADIUS dictionaries (CC BY 4.0)"
SUPPLEMENTS: Final = pathlib.Path(__file__).parent / "dictionaries"
"""What FreeRADIUS' files lack: one file for each module that needs it."""


@attrs.frozen
class Bundle:
    """A module to generate: its name, what it is about, the files, and the vendors whose attributes it holds."""

    module: str
    about: str
    files: tuple[str, ...]
    vendors: frozenset[int] = frozenset()

    def has(self, attribute: Attribute[Any]) -> bool:
        """Whether an attribute found in the files belongs into the module."""
        vendor = attribute.vendor
        if vendor is None:
            return not self.vendors
        return vendor.number in self.vendors


def _vendors(module: str, about: str, *vendors: int, files: str = "") -> Bundle:
    names = tuple(f"dictionary.{name}" for name in (files or module).split())
    return Bundle(module, f"Attributes of {about}", names, frozenset(vendors))


_RFCS: Final = (
    "2865 2866 2867 2868 2869 3162 3576 3580 4072 4372 4603 4675 4679 4818 4849 5176 5447 5580 5607 5904 6519 6572 "
    "6677 6911 6929 6930 7055 7155 7268 7499 7930 8045 8559"
)
IETF: Final = Bundle(
    "ietf",
    "The IETF's attributes",
    # RFC 5090 comes last: an experimental attribute of dictionary.iana has a name of its.
    (*(f"dictionary.rfc{number}" for number in _RFCS.split()), "dictionary.iana", "dictionary.rfc5090"),
)
BUNDLED: Final = (
    _vendors("adsl_forum", "the ADSL Forum (RFC 4679)", 3561, files="rfc4679"),
    _vendors("aerohive", "Aerohive", 26928),
    _vendors("airespace", "Airespace", 14179),
    _vendors("alcatel", "Alcatel", 3041),
    _vendors("alcatel_lucent", "Alcatel-Lucent, the 7750 Service Router, now Nokia", 6527, files="alcatel.sr"),
    _vendors("alcatel_xylan", "Xylan, Alcatel OmniSwitch", 800, files="xylan"),
    _vendors("arista", "Arista", 30065),
    _vendors("aruba", "Aruba", 14823),
    _vendors("ascend", "Ascend", 529),
    _vendors("bay", "Bay Networks", 1584),
    _vendors("brocade", "Brocade", 1588),
    _vendors("cambium", "Cambium Networks", 17713),
    _vendors("chillispot", "ChilliSpot and CoovaChilli", 14559),
    _vendors("cisco", "Cisco", 9, 255, 3076, 5263, files="cisco cisco.vpn3000 cisco.asa cisco.vpn5000 cisco.bbsm"),
    _vendors("citrix", "Citrix", 66),
    _vendors("colubris", "Colubris", 8744),
    _vendors("dlink", "D-Link", 171),
    _vendors("eltex", "Eltex", 35265),
    _vendors("ericsson", "Ericsson", 193),
    _vendors("erx", "Juniper E and MX series broadband gateways (ERX, Unisphere)", 4874),
    _vendors("extreme", "Extreme Networks", 1916),
    _vendors("f5", "F5", 3375),
    _vendors("fortinet", "Fortinet", 12356),
    _vendors("foundry", "Foundry", 1991),
    _vendors("freeradius_vendor", "FreeRADIUS", 11344, files="freeradius freeradius.evs5"),
    _vendors("freeswitch", "FreeSWITCH", 27880),
    _vendors("h3c", "H3C", 25506),
    _vendors("hp", "Hewlett-Packard", 11),
    _vendors("huawei", "Huawei", 2011),
    _vendors("infoblox", "Infoblox", 7779),
    _vendors("juniper", "Juniper", 2636),
    _vendors("lancom", "LANCOM", 2356),
    _vendors("livingston", "Livingston", 307),
    _vendors("meraki", "Meraki", 29671),
    _vendors("microsoft", "Microsoft (RFC 2548)", 311),
    _vendors("mikrotik", "MikroTik", 14988),
    _vendors("mimosa", "Mimosa", 43356),
    _vendors("motorola", "Motorola", 161),
    _vendors("netscreen", "NetScreen", 3224),
    _vendors("nokia", "Nokia", 94),
    _vendors("nomadix", "Nomadix", 3309),
    _vendors("nortel", "Nortel", 562),
    _vendors("packeteer", "Packeteer", 2334),
    _vendors("paloalto", "Palo Alto Networks", 25461),
    _vendors("patton", "Patton", 1768),
    _vendors("pfsense", "pfSense", 13644),
    _vendors("redback", "Redback, now Ericsson", 2352, files="ericsson.ab"),
    _vendors("riverbed", "Riverbed", 17163),
    _vendors("ruckus", "Ruckus", 25053),
    _vendors("siemens", "Siemens", 4329),
    _vendors("sonicwall", "SonicWall", 8741),
    _vendors("starent", "Starent, now Cisco ASR 5000", 8164),
    _vendors("symbol", "Symbol", 388),
    _vendors("threecom", "3Com", 43, files="3com"),
    _vendors("threegpp", "the 3GPP (TS 29.061)", 10415, files="3gpp"),
    _vendors("threegpp2", "the 3GPP2", 5535, files="3gpp2"),
    _vendors("trapeze", "Trapeze", 14525),
    _vendors("usr", "US Robotics", 429),
    _vendors("wifialliance", "the Wi-Fi Alliance", 40808),
    _vendors("wimax", "the WiMAX Forum", 24757),
    _vendors("wispr", "the Wi-Fi Alliance's WISPr", 14122),
    _vendors("zte", "ZTE", 3902),
    _vendors("zyxel", "ZyXEL", 890),
)
