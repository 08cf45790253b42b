"""Logins of every kind on SQLite and PostgreSQL: the answer, the line in the log and the row of radpostauth."""

from __future__ import annotations

import logging
import re

import pytest
import trio

from examples.isp.editing import stored_password
from tests.examples.isp.sites import NASES, Site
from tests.interop.radclient import BRIEF, PROVE, Radclient
from trioradius import AccessAccept, AccessReject, AccessReply, AccessRequest, UnknownPeer
from trioradius.attributes import (
    AcctInterimInterval,
    AcctSessionId,
    AcctStatusType,
    CallingStationId,
    Class,
    DelegatedIPv6Prefix,
    DelegatedIPv6PrefixPool,
    FramedIPAddress,
    FramedIPv6Pool,
    FramedIPv6Prefix,
    FramedPool,
    NASPortId,
    ReplyMessage,
    SessionTimeout,
    UserName,
    UserPassword,
)
from trioradius.attributes.microsoft import MSCHAPError
from trioradius.protocol.logins import ms_chap, ms_chap_v2
from trioradius.protocol.passwords import chap
from trioradius.sessions import Kind
from trioradius.testing import AppClient

REFUSED = {
    "unknown user": ("nobody", "wonderland"),
    "bad password": ("alice", "looking-glass"),
    "account expired": ("xavier", "past"),
}


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of decisions, without the address in front."""
    return [r.getMessage().split(": ", 1)[1] for r in caplog.records if r.name == "trioradius.decision"]


def alice(*avps: object, password: str = "wonderland") -> tuple[object, ...]:
    return UserName("alice"), UserPassword(password), NASPortId("1"), *avps


def request_with_raw_name(name: bytes) -> AccessRequest:
    return AccessRequest(UserName.avp(name), UserPassword("wonderland"))


# By radclient


@pytest.mark.parametrize("method", ["User-Password", "CHAP-Password", "MS-CHAP-Password"])
async def test_pap_chap_and_ms_chap(site: Site, radclient: Radclient, method: str) -> None:
    login = f'User-Name = "alice"\n{{}} = "{{}}"\nNAS-Port-Id = "1"\n{PROVE}'
    right = (await radclient(site.address, "auth", login.format(method, "wonderland"))).reply
    wrong = (await radclient(site.address, "auth", login.format(method, "wonderland "))).reply
    assert right.name == "Access-Accept"
    assert 'Mikrotik-Rate-Limit = "1200k/2000k"' in right.attributes
    assert 'Framed-Pool = "pool4"' in right.attributes
    assert any(line.startswith("Acct-Interim-Interval = ") for line in right.attributes)
    assert wrong.name == "Access-Reject"
    assert {line.partition(" =")[0] for line in wrong.attributes} <= {"MS-CHAP-Error"}
    assert await site.decisions() == [
        ("alice", "Access-Accept", ""),
        ("alice", "Access-Reject", "bad password"),
    ]


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("nobody", "wonderland", "unknown user"),
        ("alice", "looking-glass", "bad password"),
        ("ALICE", "wonderland", "unknown user"),
        ("ivan", "idle", "account inactive"),
        ("rita", "resold", "account inactive"),
        ("xavier", "past", "account expired"),
        ("xavier", "wrong", "account expired"),
    ],
)
async def test_each_refusal_has_its_words_in_the_log_and_in_radpostauth_and_none_for_the_nas(
    site: Site, radclient: Radclient, caplog: pytest.LogCaptureFixture, user: str, password: str, reason: str
) -> None:
    caplog.set_level(logging.INFO)
    reply = (
        await radclient(site.address, "auth", f'User-Name = "{user}"\nUser-Password = "{password}"\n{PROVE}')
    ).reply
    assert (reply.name, reply.attributes) == ("Access-Reject", [])
    assert told(caplog) == [f"Access-Reject {user!r}: {reason}"]
    assert await site.decisions() == [(user, "Access-Reject", reason)]


async def test_an_unknown_nas_gets_nothing(site: Site, radclient: Radclient, caplog: pytest.LogCaptureFixture) -> None:
    await site.run("DELETE FROM nas WHERE nasname = ?", NASES["mikrotik"])
    silence = await radclient(
        site.address, "auth", f'User-Name = "alice"\nUser-Password = "wonderland"\n{PROVE}', timeout=BRIEF
    )
    assert silence.replies == ()
    assert "unknown NAS: 127.0.0.1" in caplog.text
    assert await site.decisions() == []


async def test_a_nas_with_another_secret_gets_nothing(small_site: Site, radclient: Radclient) -> None:
    login = f'User-Name = "alice"\nUser-Password = "wonderland"\n{PROVE}'
    assert (await radclient(small_site.address, "auth", login, secret="another secret", timeout=BRIEF)).replies == ()
    assert await small_site.decisions() == []


# In one process


async def test_ms_chap_v2_proves_the_server(small_site: Site) -> None:
    for user, password in (("alice", "wonderland"), ("nora", "hashed")):
        login = ms_chap_v2(user, password)
        reply = await small_site.login(UserName(user), *login.attributes)
        assert isinstance(reply, AccessAccept)
        login.require_proof(reply)
        wrong = await small_site.login(UserName(user), *ms_chap_v2(user, "wrong").attributes)
        assert isinstance(wrong, AccessReject)
        assert b"E=691" in (wrong.octets(MSCHAPError) or b"")


async def test_a_refusal_says_the_same_by_ms_chap_whatever_it_is_for(small_site: Site) -> None:
    """What an attacker could learn: that a name exists, or that a password was right."""
    replies = [
        await small_site.login(UserName(user), *ms_chap(password, identifier=1, challenge=bytes(8)).attributes)
        for user, password in (*REFUSED.values(), ("ivan", "idle"), ("xavier", "wrong"))
    ]
    errors = [re.sub("C=[0-9A-F]+", "C=", repr(reply.avps[1])) for reply in replies]
    assert set(errors) == {errors[0]}
    assert all([avp.name for avp in reply.avps] == ["Message-Authenticator", "MS-CHAP-Error"] for reply in replies)
    assert not any(ReplyMessage in reply for reply in replies)


async def test_a_login_that_proves_nothing_or_says_no_name(small_site: Site) -> None:
    for avps in ([UserName("alice")], [UserPassword("wonderland")], []):
        assert isinstance(await small_site.login(*avps), AccessReject)
    assert await small_site.decisions() == [
        ("alice", "Access-Reject", "bad password (the request carries no password)"),
        ("", "Access-Reject", "unknown user"),
        ("", "Access-Reject", "unknown user"),
    ]


async def test_a_name_that_no_database_takes(site: Site) -> None:
    reply = await AppClient(site.app).exchange(request_with_raw_name(b"al\0ice\xff"))
    assert isinstance(reply, AccessReject)
    assert await site.decisions() == [("al\\x00ice\\xff", "Access-Reject", "unknown user")]


async def test_a_hash_that_cannot_serve_the_method_is_told_in_the_log(small_site: Site) -> None:
    await small_site.run(
        "UPDATE isp_subscriber SET password = ? WHERE name = 'alice'", stored_password("wonderland", "pbkdf2")
    )
    assert isinstance(await small_site.login(*alice()), AccessAccept)
    assert isinstance(await small_site.login(*alice(password="looking-glass")), AccessReject)
    assert isinstance(await small_site.login(UserName("alice"), *chap("wonderland")), AccessReject)
    assert [reason for *_, reason in await small_site.decisions()] == [
        "",
        "bad password",
        "bad password (CHAP needs the cleartext password: store Cleartext)",
    ]


async def test_a_row_that_cannot_be_used_is_refused_and_told(site: Site) -> None:
    assert isinstance(await site.login(UserName("brooke"), UserPassword("broken")), AccessReject)
    [(_, _, reason)] = await site.decisions()
    assert reason == "a row of the database cannot be used: 'soon' is not a day; write it as 2027-01-31"


async def test_the_last_day_and_the_day_after(site: Site) -> None:
    reply = await site.login(*alice())
    assert reply[SessionTimeout] == 12 * 3600
    site.clock.now += 12 * 3600 - 1
    assert (await site.login(*alice()))[SessionTimeout] == 1
    site.clock.now += 1
    assert isinstance(await site.login(*alice()), AccessReject)
    assert (await site.decisions())[-1] == ("alice", "Access-Reject", "account expired")


async def test_the_licence_counts_active_subscribers_in_the_order_they_were_added(site: Site) -> None:
    async def outcome(user: str, password: str) -> str:
        reply = await site.login(UserName(user), UserPassword(password), NASPortId(user))
        return "accepted" if isinstance(reply, AccessAccept) else (await site.decisions())[-1][2]

    await site.run("INSERT INTO isp_licence (only_row, subscribers) VALUES (1, 3)")
    assert await outcome("ulla", "boundless") == "accepted"  # the third
    assert await outcome("nora", "hashed") == "account suspended (overlimit)"
    await site.run("UPDATE isp_subscriber SET active = 0 WHERE name IN ('xavier', 'rita', 'fred')")
    assert await outcome("nora", "hashed") == "accepted"  # ivan was inactive before
    await site.run("UPDATE isp_licence SET subscribers = 2")
    assert await outcome("nora", "hashed") == "account suspended (overlimit)"
    await site.run("UPDATE isp_licence SET subscribers = 0")
    assert await outcome("nora", "hashed") == "accepted"


async def test_pap_outside_tls_is_warned_of_once_for_each_nas(
    small_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in ("mikrotik", "mikrotik", "generic", "mikrotik"):
        await small_site.login(*alice(), kind=kind)
    await small_site.login(UserName("alice"), *chap("wonderland"), kind="cisco")
    warned = [record.getMessage() for record in caplog.records if record.name == "isp.logins"]
    assert [line.split(":")[0] for line in warned] == ["NAS 127.0.0.1", "NAS 127.0.0.2"]


RATES = {
    "mikrotik": ["Mikrotik-Rate-Limit = '1200k/2000k'"],
    "generic": ["Filter-Id = 'GOLD'"],
    "cisco": [
        "Cisco-AVPair = 'subscriber:sub-qos-policy-in=GOLD'",
        "Cisco-AVPair = 'subscriber:sub-qos-policy-out=GOLD'",
    ],
    "huawei": ["Huawei-Input-Average-Rate = 1200000", "Huawei-Output-Average-Rate = 2000000"],
    "h3c": ["H3C-Input-Average-Rate = 1200000", "H3C-Output-Average-Rate = 2000000"],
    "zte": ["ZTE-Rate-Ctrl-SCR-Up = 1200", "ZTE-Rate-Ctrl-SCR-Down = 2000"],
    "juniper": ["ERX-Ingress-Policy-Name = 'GOLD'", "ERX-Egress-Policy-Name = 'GOLD'"],
    "nokia": ["Alc-SLA-Prof-Str = 'GOLD'"],
    "redback": ["Qos-Policing-Profile-Name = 'GOLD'", "Qos-Metering-Profile-Name = 'GOLD'"],
    "wispr": ["WISPr-Bandwidth-Max-Up = 1200000", "WISPr-Bandwidth-Max-Down = 2000000"],
}
_RATE_WORDS = ("Rate", "Filter-Id", "Policy", "Prof", "Bandwidth", "sub-qos")


@pytest.mark.parametrize("kind", RATES)
async def test_each_kind_of_nas_gets_the_rate_in_its_own_words(small_site: Site, kind: str) -> None:
    reply = await small_site.login(*alice(), kind=kind)
    assert [text for avp in reply.avps if any(word in (text := repr(avp)) for word in _RATE_WORDS)] == RATES[kind]
    unlimited = await small_site.login(UserName("ulla"), UserPassword("boundless"), kind=kind)
    by_name = {"generic", "cisco", "juniper", "nokia", "redback"}
    limits = [repr(avp) for avp in unlimited.avps if any(word in repr(avp) for word in _RATE_WORDS)]
    assert limits == ([text.replace("GOLD", "OPEN") for text in RATES[kind]] if kind in by_name else [])


async def test_addresses_are_the_subscribers_own_or_a_pool_and_never_both(small_site: Site) -> None:
    await small_site.run("UPDATE isp_plan SET sessions = 0")
    pooled, cisco = await small_site.login(*alice(), kind="generic"), await small_site.login(*alice(), kind="cisco")
    assert (pooled[FramedPool], pooled[FramedIPv6Pool], pooled[DelegatedIPv6PrefixPool]) == ("pool4", "pool6", "poolpd")
    assert cisco.all("Cisco-AVPair")[-1] == "ip:addr-pool=pool4"
    assert FramedPool not in cisco
    assert (await small_site.login(*alice()))["Mikrotik-Delegated-IPv6-Pool"] == "poolpd"
    own = await small_site.login(UserName("stan"), UserPassword("static"))
    assert [str(own[key]) for key in (FramedIPAddress, FramedIPv6Prefix, DelegatedIPv6Prefix)] == [
        "100.64.0.7",
        "2001:db8:7::/64",
        "2001:db8:100::/56",
    ]
    assert not any("Pool" in avp.name for avp in own.avps)
    assert not any(FramedIPAddress in reply for reply in (pooled, cisco))


async def test_addresses_of_our_own_pool_are_nobody_elses_and_come_back(site: Site) -> None:
    pools = site.app.state.pools
    await pools.add("pool4", "198.51.100.0/30", exclude=["198.51.100.2"])
    await pools.add("pool4", "2001:db8:8000::/55", kind=Kind.DELEGATED_PREFIX, length=56)
    first = await site.login(*alice())
    assert str(first[FramedIPAddress]) == "198.51.100.1"
    assert str(first[DelegatedIPv6Prefix]) == "2001:db8:8000::/56"
    assert FramedPool not in first
    assert "Mikrotik-Delegated-IPv6-Pool" not in {avp.name for avp in first.avps}
    assert first[FramedIPv6Pool] == "pool6"
    second = await site.login(UserName("nora"), UserPassword("hashed"), NASPortId("2"))
    assert isinstance(second, AccessReject)
    assert (await site.decisions())[-1][2] == "pool pool4 has no Framed-IP-Address left"
    session = (UserName("alice"), NASPortId("1"), AcctSessionId("1"), FramedIPAddress("198.51.100.1"))
    for status in (AcctStatusType.START, AcctStatusType.STOP):
        site.clock.now += 10
        await site.record(*session, AcctStatusType(status))
    with trio.fail_after(30):
        while isinstance(second, AccessReject):
            second = await site.login(UserName("nora"), UserPassword("hashed"), NASPortId("2"))
            await trio.sleep(0.1)  # a pool is looked through once a second
    assert str(second[FramedIPAddress]) == "198.51.100.1"


async def test_a_pool_of_ours_is_never_named_to_the_nas(small_site: Site) -> None:
    """Also where it has nothing for IPv4: the NAS may have a pool of that name by chance."""
    await small_site.app.state.pools.add("pool4", "2001:db8:8000::/55", kind=Kind.DELEGATED_PREFIX, length=56)
    reply = await small_site.login(*alice(), kind="generic")
    assert not {FramedPool, FramedIPAddress, DelegatedIPv6PrefixPool} & {avp.attribute for avp in reply.avps}
    assert str(reply[DelegatedIPv6Prefix]) == "2001:db8:8000::/56"
    own = await small_site.login(UserName("stan"), UserPassword("static"))
    assert str(own[DelegatedIPv6Prefix]) == "2001:db8:100::/56"


async def test_an_own_address_goes_before_one_of_the_pool(small_site: Site) -> None:
    pools = small_site.app.state.pools
    await pools.add("pool4", "198.51.100.0/29")
    await pools.add("pool4", "2001:db8:8000::/55", kind=Kind.DELEGATED_PREFIX, length=56)
    await small_site.run("UPDATE isp_subscriber SET delegated_prefix = '' WHERE name = 'stan'")
    reply = await small_site.login(UserName("stan"), UserPassword("static"))
    assert [str(address) for address in reply.all(FramedIPAddress)] == ["100.64.0.7"]
    assert [str(prefix) for prefix in reply.all(DelegatedIPv6Prefix)] == ["2001:db8:8000::/56"]


async def test_a_plan_that_somebody_deleted_is_told(small_site: Site) -> None:
    await small_site.run("DELETE FROM isp_plan WHERE name = 'gold'")
    assert isinstance(await small_site.login(*alice()), AccessReject)
    [(_, _, reason)] = await small_site.decisions()
    assert reason == "a row of the database cannot be used: there is no plan gold"


async def test_parallel_logins_do_not_slip_through_the_limit(site: Site) -> None:
    replies: list[AccessReply] = []

    async def log_in(port: int) -> None:
        avps = (UserName("alice"), UserPassword("wonderland"), CallingStationId(f"00-00-00-00-00-{port:02}"))
        replies.append(await site.login(*avps))

    async with trio.open_nursery() as nursery:
        for port in range(20):
            nursery.start_soon(log_in, port)
    assert sum(isinstance(reply, AccessAccept) for reply in replies) == 1
    assert [reason for *_, reason in await site.decisions()].count("too many sessions (1 of 1)") == 19


async def test_the_interim_interval_varies_and_is_never_below_a_minute(small_site: Site) -> None:
    intervals = {(await small_site.login(*alice()))[AcctInterimInterval] for _ in range(40)}
    assert min(intervals) >= 60
    assert max(intervals) <= 72
    assert len(intervals) > 1


async def test_class_says_the_rate_that_the_session_begins_with(small_site: Site) -> None:
    assert (await small_site.login(*alice()))[Class] == b"rate:1200k/2000k GOLD"


async def test_a_rate_that_does_not_fit_the_vendor_is_refused_and_told(small_site: Site) -> None:
    await small_site.run("UPDATE isp_plan SET rate_down = '10G' WHERE name = 'gold'")
    assert isinstance(await small_site.login(*alice(), kind="huawei"), AccessReject)
    assert (await small_site.decisions())[-1][2].startswith("the rate of plan gold cannot be sent: huawei: 10000000k")
    assert isinstance(await small_site.login(*alice()), AccessAccept)  # the place was given back


async def test_a_strange_address_is_named(small_site: Site) -> None:
    with pytest.raises(UnknownPeer, match=r"unknown NAS: 192\.0\.2\.1"):
        await AppClient(small_site.app, address="192.0.2.1").exchange(request_with_raw_name(b"alice"))
