"""Users as FreeRADIUS's tables have them, and requests of theirs: what both servers have to answer alike."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, TypeAlias

import attrs

from trioradius import AccessRequest, chap
from trioradius.protocol import ms_chap

Rows: TypeAlias = tuple[tuple[str, str, str], ...]
"""(attribute, operator, value)"""

PASSWORD: Final = "wonderland"
SALT: Final = b"salt"
CLEAR: Final[Rows] = (("Cleartext-Password", ":=", PASSWORD),)
CHALLENGE: Final = bytes(range(8))


@attrs.frozen
class Case:
    """A user and one request of his."""

    name: str
    check: Rows = CLEAR
    reply: Rows = ()
    groups: tuple[tuple[str, int], ...] = ()
    request: tuple[tuple[str, object], ...] = ()
    password: str = PASSWORD
    by: str = "pap"

    @property
    def user(self) -> str:
        """His name, of letters that FreeRADIUS does not escape."""
        return "user-" + hashlib.sha256(self.name.encode()).hexdigest()[:16]

    def asked(self) -> AccessRequest:
        """The request."""
        name = ("User-Name", self.user)
        if self.by == "chap":
            return AccessRequest(name, *chap(self.password), *self.request)
        if self.by == "ms-chap":
            response = ms_chap.challenge_response(CHALLENGE, ms_chap.nt_hash(self.password))
            proof = (("MS-CHAP-Challenge", CHALLENGE), ("MS-CHAP-Response", b"\1\1" + bytes(24) + response))
            return AccessRequest(name, *proof, *self.request)
        if self.by == "nothing":
            return AccessRequest(name, *self.request)
        return AccessRequest(name, ("User-Password", self.password), *self.request)


GROUPS: Final[dict[str, tuple[Rows, Rows]]] = {
    "plain": ((), (("Filter-Id", ":=", "plain"), ("Session-Timeout", ":=", "100"))),
    "falls": ((), (("Reply-Message", "+=", "falls"), ("Fall-Through", "=", "Yes"))),
    "stops": ((), (("Reply-Message", "+=", "stops"), ("Fall-Through", "=", "No"))),
    "last": ((), (("Reply-Message", "+=", "last"), ("Session-Timeout", "=", "900"))),
    "empty": ((), ()),
    "only-check": ((("Cleartext-Password", ":=", PASSWORD),), ()),
    "framed": ((("Service-Type", "==", "Framed-User"),), (("Filter-Id", ":=", "framed"),)),
    "lets-in": ((("Auth-Type", ":=", "Accept"),), (("Filter-Id", ":=", "in"),)),
    "keeps-out": ((("Auth-Type", ":=", "Reject"),), ()),
    "numbers": ((), (("Session-Timeout", "<=", "300"), ("Idle-Timeout", ">=", "60"))),
    "removes": ((), (("Reply-Message", "-=", "one"), ("Fall-Through", "=", "1"))),
    "filters": ((), (("Reply-Message", "==", "one"),)),
    "clears": ((), (("Reply-Message", "!*", ""),)),
    "sets": ((), (("Reply-Message", ":=", "set"),)),
    "other-password": ((("Cleartext-Password", ":=", "other"),), ()),
    "first-password": ((("Cleartext-Password", "=", "other"),), ()),
    "members": ((("SQL-Group", "==", "empty"),), (("Filter-Id", ":=", "member"),)),
    "of-everybody": ((("NAS-Identifier", "==", "profiled"),), (("Port-Limit", ":=", "7"),)),
    "bad": ((), (("Session-Timeout", ":=", "soon"),)),
}


def _compared(operator: str, value: str, *held: int, suffix: str = "") -> Case:
    """A user who gets in where NAS-Port compares."""
    rows = (*CLEAR, ("NAS-Port", operator, value))
    label = f"port {operator} {value} of {held}{suffix}"
    return Case(label, rows, request=tuple(("NAS-Port", port) for port in held))


def _hashed(name: str, value: str, password: str = PASSWORD, by: str = "pap") -> Case:
    return Case(f"{name} {value[:14]} {password} {by}", ((name, ":=", value),), password=password, by=by)


def _salted(name: str) -> bytes:
    return hashlib.new(name, PASSWORD.encode() + SALT).digest() + SALT


def _plain(name: str) -> bytes:
    return hashlib.new(name, PASSWORD.encode()).digest()


NT: Final = ms_chap.nt_hash(PASSWORD)
CRYPT: Final = "$6$saltsalt$rmj9J8qXX2X3cOvxO0j7Ri0d95bMAOmmOTmM8VmnmzVYT5hpVjPXMkhJH0PFe29ym0qOWBbSXzXv7pFtCFMZM1"
ONE_TWO: Final[Rows] = (("Reply-Message", "+=", "one"), ("Reply-Message", "+=", "two"), ("Fall-Through", "=", "Yes"))

CASES: Final[tuple[Case, ...]] = (
    # Passwords.
    Case("right"),
    Case("wrong", password="wonderlane"),
    Case("empty", password=""),
    Case("trailing blank", password=PASSWORD + " "),
    Case("chap", by="chap"),
    Case("chap wrong", by="chap", password="wrong"),
    Case("ms-chap", by="ms-chap"),
    Case("ms-chap wrong", by="ms-chap", password="wrong"),
    Case("no proof", by="nothing"),
    Case("with a blank", (("Cleartext-Password", ":=", " blank "),), password=" blank "),
    Case("compared", (("Cleartext-Password", "==", PASSWORD),)),
    Case("if absent", (("Cleartext-Password", "=", PASSWORD),)),
    Case("appended", (("Cleartext-Password", "+=", PASSWORD),)),
    Case("old name", (("User-Password", ":=", PASSWORD),)),
    Case("quoted", (("Cleartext-Password", ":=", f'"{PASSWORD}"'),)),
    Case("quoted once", (("Cleartext-Password", ":=", f"'{PASSWORD}'"),)),
    Case("quote inside", (("Cleartext-Password", ":=", "it's"),), password="it's"),
    Case("utf-8", (("Cleartext-Password", ":=", "pässwörd"),), password="pässwörd"),
    Case("no password", (("Simultaneous-Use", ":=", "1"),)),
    Case("ünknown-nöbody", ()),
    _hashed("MD5-Password", _plain("md5").hex()),
    _hashed("MD5-Password", _plain("md5").hex(), "wrong"),
    _hashed("MD5-Password", _plain("md5").hex(), by="chap"),
    _hashed("MD5-Password", base64.b64encode(_plain("md5")).decode()),
    _hashed("MD5-Password", "0x" + _plain("md5").hex()),
    _hashed("SHA-Password", _plain("sha1").hex()),
    _hashed("SSHA-Password", base64.b64encode(_salted("sha1")).decode()),
    _hashed("SSHA-Password", _salted("sha1").hex()),
    _hashed("SSHA-Password", _salted("sha1").hex(), "wrong"),
    _hashed("SMD5-Password", base64.b64encode(_salted("md5")).decode()),
    _hashed("SSHA2-256-Password", base64.b64encode(_salted("sha256")).decode()),
    _hashed("SSHA2-512-Password", _salted("sha512").hex()),
    _hashed("SHA2-Password", _plain("sha256").hex()),
    _hashed("NT-Password", NT.hex()),
    _hashed("NT-Password", "0x" + NT.hex().upper()),
    _hashed("NT-Password", NT.hex(), "wrong"),
    _hashed("NT-Password", NT.hex(), by="ms-chap"),
    _hashed("NT-Password", NT.hex(), by="chap"),
    _hashed("Crypt-Password", CRYPT),
    _hashed("Crypt-Password", CRYPT, "wrong"),
    _hashed("Password-With-Header", "{clear}" + PASSWORD),
    _hashed("Password-With-Header", "{clear}" + PASSWORD, by="chap"),
    _hashed("Password-With-Header", "{SSHA}" + base64.b64encode(_salted("sha1")).decode()),
    _hashed("Password-With-Header", "{crypt}" + CRYPT),
    _hashed("Password-With-Header", "{nt}" + NT.hex()),
    Case("crypt compared", (("Crypt-Password", "==", CRYPT),)),
    # Auth-Type.
    Case("let in", (("Auth-Type", ":=", "Accept"),), (("Filter-Id", "=", "x"),), password="whatever"),
    Case("let in without proof", (("Auth-Type", ":=", "Accept"),), by="nothing"),
    Case("kept out", (*CLEAR, ("Auth-Type", ":=", "Reject"))),
    Case("kept out if absent", (*CLEAR, ("Auth-Type", "=", "Reject"))),
    Case("auth-type compared", (*CLEAR, ("Auth-Type", "==", "Reject"))),
    Case("two auth-types", (("Auth-Type", "+=", "Reject"), ("Auth-Type", "+=", "Accept"))),
    Case("local", (*CLEAR, ("Auth-Type", ":=", "PAP"))),
    # Check items that compare.
    *(_compared(operator, "10", 10) for operator in ("==", "!=", "<", "<=", ">", ">=", "=", ":=", "+=", "=*", "!*")),
    *(_compared(operator, "10", 9) for operator in ("==", "!=", "<", "<=", ">", ">=", "=")),
    *(_compared(operator, "10", 11) for operator in ("==", "!=", "<", "<=", ">", ">=")),
    *(_compared(operator, "10") for operator in ("==", "!=", "<", ">=", ":=", "=*", "!*", "=")),
    *(_compared(operator, "10", 9, 10) for operator in ("==", "!=", "<", ">")),
    _compared("==", "0x0a", 10),
    _compared("", "10", 10, suffix=" without an operator"),
    _compared("?", "10", 10),
    Case("text equal", (*CLEAR, ("NAS-Identifier", "==", "pop7")), request=(("NAS-Identifier", "pop7"),)),
    Case("text case", (*CLEAR, ("NAS-Identifier", "==", "POP7")), request=(("NAS-Identifier", "pop7"),)),
    Case("text less", (*CLEAR, ("NAS-Identifier", "<", "pop8")), request=(("NAS-Identifier", "pop7"),)),
    Case("quoted text", (*CLEAR, ("NAS-Identifier", "==", '"pop7"')), request=(("NAS-Identifier", "pop7"),)),
    Case("pattern", (*CLEAR, ("NAS-Identifier", "=~", "^pop[0-9]+$")), request=(("NAS-Identifier", "pop7"),)),
    Case("pattern within", (*CLEAR, ("NAS-Identifier", "=~", "op")), request=(("NAS-Identifier", "pop7"),)),
    Case("pattern not", (*CLEAR, ("NAS-Identifier", "=~", "^op")), request=(("NAS-Identifier", "pop7"),)),
    Case("no pattern", (*CLEAR, ("NAS-Identifier", "!~", "^op")), request=(("NAS-Identifier", "pop7"),)),
    Case("no pattern fits", (*CLEAR, ("NAS-Identifier", "!~", "^pop")), request=(("NAS-Identifier", "pop7"),)),
    Case("pattern of absent", (*CLEAR, ("NAS-Identifier", "=~", ".*"))),
    Case("no pattern of absent", (*CLEAR, ("NAS-Identifier", "!~", "x"))),
    Case("broken pattern", (*CLEAR, ("NAS-Identifier", "=~", "(pop")), request=(("NAS-Identifier", "pop7"),)),
    Case("broken no pattern", (*CLEAR, ("NAS-Identifier", "!~", "(pop")), request=(("NAS-Identifier", "pop7"),)),
    Case(
        "mac pattern",
        (*CLEAR, ("Calling-Station-Id", "=~", "^(02|06)-[0-9A-F-]+$")),
        request=(("Calling-Station-Id", "02-00-00-00-00-01"),),
    ),
    Case("value by name", (*CLEAR, ("Service-Type", "==", "Framed-User")), request=(("Service-Type", "Framed-User"),)),
    Case("value by number", (*CLEAR, ("Service-Type", "==", "2")), request=(("Service-Type", "Framed-User"),)),
    Case("other value", (*CLEAR, ("Service-Type", "==", "Login-User")), request=(("Service-Type", "Framed-User"),)),
    Case("address", (*CLEAR, ("NAS-IP-Address", "==", "192.0.2.7")), request=(("NAS-IP-Address", "192.0.2.7"),)),
    Case("address more", (*CLEAR, ("NAS-IP-Address", ">", "192.0.2.6")), request=(("NAS-IP-Address", "192.0.2.7"),)),
    Case("two fit", (*CLEAR, ("NAS-Port", "==", "1"), ("NAS-Port-Type", "==", "Virtual")), request=(("NAS-Port", 1),)),
    Case(
        "fits without reply", (*CLEAR, ("NAS-Port", "==", "2")), (("Filter-Id", "=", "x"),), request=(("NAS-Port", 1),)
    ),
    Case("vendor", (*CLEAR, ("Mikrotik-Realm", "==", "r")), request=(("Mikrotik-Realm", "r"),)),
    Case("password compared", (("User-Password", "==", PASSWORD), ("Auth-Type", ":=", "Accept"))),
    Case("password compared wrong", (("User-Password", "==", PASSWORD), ("Auth-Type", ":=", "Accept")), password="x"),
    Case("password compared chap", (("User-Password", "==", PASSWORD), ("Auth-Type", ":=", "Accept")), by="chap"),
    Case("group compared", (*CLEAR, ("SQL-Group", "==", "plain")), groups=(("plain", 1),)),
    Case("group compared not", (*CLEAR, ("SQL-Group", "==", "plain")), groups=(("empty", 1),)),
    Case("group differs", (*CLEAR, ("SQL-Group", "!=", "plain")), groups=(("empty", 1),)),
    Case("unknown attribute", (*CLEAR, ("No-Such-Thing", "==", "x"))),
    # Reply items.
    Case("reply", reply=(("Session-Timeout", ":=", "3600"), ("Filter-Id", "=", "gold"), ("Framed-Pool", "+=", "p"))),
    Case("reply twice", reply=(("Reply-Message", "+=", "one"), ("Reply-Message", "+=", "two"))),
    Case("reply equal signs", reply=(("Reply-Message", "=", "one"), ("Reply-Message", "=", "two"))),
    Case("reply sets twice", reply=(("Reply-Message", ":=", "one"), ("Reply-Message", ":=", "two"))),
    Case("reply compared", reply=(("Reply-Message", "==", "one"), ("Filter-Id", "=", "x"))),
    Case("reply bounds", reply=(("Session-Timeout", "<=", "60"), ("Idle-Timeout", ">=", "60"))),
    Case(
        "reply vendor", reply=(("Mikrotik-Rate-Limit", ":=", "1200k/2000k"), ("Cisco-AVPair", "+=", "ip:addr-pool=x"))
    ),
    Case("reply names", reply=(("Service-Type", ":=", "Framed-User"), ("Framed-Protocol", ":=", "PPP"))),
    Case(
        "reply addresses", reply=(("Framed-IP-Address", ":=", "10.0.0.7"), ("Framed-IP-Netmask", ":=", "255.255.255.0"))
    ),
    Case(
        "reply ipv6",
        reply=(("Framed-IPv6-Prefix", ":=", "2001:db8::/64"), ("Delegated-IPv6-Prefix", ":=", "2001:db8:1::/56")),
    ),
    Case("reply class", reply=(("Class", ":=", "0x676f6c64"),)),
    Case("reply class text", reply=(("Class", ":=", "gold"),)),
    Case(
        "reply tunnel",
        reply=(
            ("Tunnel-Type:1", ":=", "VLAN"),
            ("Tunnel-Medium-Type:1", ":=", "IEEE-802"),
            ("Tunnel-Private-Group-Id:1", ":=", "42"),
        ),
    ),
    Case("reply quoted", reply=(("Reply-Message", ":=", '"Hello there"'), ("Filter-Id", ":=", "'x'"))),
    Case("reply empty", reply=(("Reply-Message", ":=", ""),)),
    Case("reply bad value", reply=(("Session-Timeout", ":=", "soon"),)),
    Case("reply bad name", reply=(("No-Such-Thing", ":=", "1"),)),
    Case("reply bad operator", reply=(("Reply-Message", "?", "1"),)),
    Case("reply without check", (), (("Filter-Id", "=", "x"),)),
    Case("reply to wrong password", reply=(("Filter-Id", "=", "x"),), password="wrong"),
    # Groups.
    Case("in a group", groups=(("plain", 1),)),
    Case("only in a group", (), groups=(("only-check", 1),)),
    Case("only in a group wrong", (), groups=(("only-check", 1),), password="x"),
    Case("only in an empty group", (), groups=(("empty", 1),)),
    Case("group that is not", groups=(("nowhere", 1),)),
    Case("let in by group", (), groups=(("lets-in", 1),)),
    Case("kept out by group", groups=(("keeps-out", 1),)),
    Case("two groups", groups=(("plain", 1), ("last", 2))),
    Case("two groups turned", groups=(("plain", 2), ("last", 1))),
    Case("falling", groups=(("falls", 1), ("last", 2))),
    Case("falling twice", groups=(("falls", 1), ("stops", 2), ("last", 3))),
    Case("falling to nothing", groups=(("last", 2), ("falls", 3))),
    Case("empty group ends it", groups=(("empty", 1), ("last", 2))),
    Case("check of a group", groups=(("framed", 1), ("last", 2)), request=(("Service-Type", "Framed-User"),)),
    Case("check of a group fails", groups=(("framed", 1), ("last", 2)), request=(("Service-Type", "Login-User"),)),
    Case("check of all groups fails", groups=(("framed", 1),)),
    Case("check of user fails", (*CLEAR, ("NAS-Port", "==", "1")), groups=(("only-check", 1), ("last", 2))),
    Case("group after reply", reply=(("Filter-Id", ":=", "mine"),), groups=(("plain", 1),)),
    Case("group after no", reply=(("Filter-Id", ":=", "x"), ("Fall-Through", "=", "No")), groups=(("plain", 1),)),
    Case("group after yes", reply=(("Filter-Id", ":=", "x"), ("Fall-Through", "=", "Yes")), groups=(("plain", 1),)),
    Case(
        "group bounds above",
        reply=(("Session-Timeout", ":=", "900"), ("Idle-Timeout", ":=", "5")),
        groups=(("numbers", 1),),
    ),
    Case("group bounds absent", groups=(("numbers", 1),)),
    Case("group removes", reply=ONE_TWO, groups=(("removes", 1),)),
    Case("group filters", reply=ONE_TWO, groups=(("filters", 1),)),
    Case("group clears", reply=ONE_TWO, groups=(("clears", 1),)),
    Case("group sets", reply=ONE_TWO, groups=(("sets", 1),)),
    Case("group adds if absent", reply=(("Session-Timeout", ":=", "5"),), groups=(("last", 1),)),
    Case("password of the group wins", groups=(("other-password", 1),)),
    Case("password of the group wins, used", groups=(("other-password", 1),), password="other"),
    Case("password of the user stays", groups=(("first-password", 1),)),
    Case("member", groups=(("members", 1), ("empty", 2))),
    Case("not member", groups=(("members", 1),)),
    Case("bad row of a group", groups=(("bad", 1),)),
    # Profiles.
    Case("profiled", request=(("NAS-Identifier", "profiled"),)),
    Case("profiled after a group", groups=(("plain", 1),), request=(("NAS-Identifier", "profiled"),)),
    Case("profiled after no", groups=(("stops", 1),), request=(("NAS-Identifier", "profiled"),)),
    Case("profiled after yes", groups=(("falls", 1),), request=(("NAS-Identifier", "profiled"),)),
    Case("profile of the user", (*CLEAR, ("User-Profile", ":=", "profile"))),
    # Times.
    Case("expired", (*CLEAR, ("Expiration", ":=", "24 Dec 2020"))),
    Case("expired at an hour", (*CLEAR, ("Expiration", ":=", "24 Dec 2020 12:00:00"))),
    Case("any time", (*CLEAR, ("Login-Time", ":=", "Al"))),
    Case("any hour of any day", (*CLEAR, ("Login-Time", ":=", "Any0000-2359"))),
    Case("simultaneous", (*CLEAR, ("Simultaneous-Use", ":=", "1"))),
)

BELOW: Final = Case(
    "group bounds below",
    reply=(("Session-Timeout", ":=", "9"), ("Idle-Timeout", ":=", "500")),
    groups=(("numbers", 1),),
)
"""Values that are within the bounds already; FreeRADIUS 3.2.1 sends the bounds beside them."""

EXPIRING: Final = tuple(
    Case(f"expires {written}, {len(reply)} reply items", (*CLEAR, ("Expiration", ":=", written)), reply)
    for written in ("24 Dec 2090", "Dec 24 2090", "24 Dec 2090 18:30:00", "24 December 2090 18:30")
    for reply in ((), (("Session-Timeout", ":=", "4000000000"),))
    if not reply or written == "24 Dec 2090"
)
"""Users with time left, by the formats of a date."""
