"""Address pools: nobody's address is another's."""

from __future__ import annotations

import pytest
import trio

from tests.sessions.line import Desk, Line
from trioradius import AVP, ConfigurationError
from trioradius.attributes import (
    DelegatedIPv6Prefix,
    FramedIPAddress,
    FramedIPv6Address,
    FramedIPv6Prefix,
)
from trioradius.sessions import Admitted, Kind, PoolExhausted, Pools, PoolState, Sessions, TooManySessions

HOME, NEXT_DOOR = Line(), Line(user="bob", calling="02:00:00:00:00:02")
ADDRESS = "100.64.0.1"


class House:
    """A pool named home, and what it hands out."""

    def __init__(self, desk: Desk, **settings: float) -> None:
        self.desk = desk
        self.sessions = Sessions(desk.database, clock=desk.clock, **settings)  # type: ignore[arg-type]
        self.pools = Pools(desk.database, clock=desk.clock)

    async def take(self, line: Line) -> AVP | None:
        """The address that a login gets."""
        admission = await self.sessions.admit(line.login(), pool="home")
        if isinstance(admission, PoolExhausted):
            return None
        assert isinstance(admission, Admitted)
        [avp] = admission.attributes
        return avp

    async def counts(self) -> tuple[int, int, int]:
        [state] = await self.pools.states()
        return state.free, state.held, state.excluded


@pytest.fixture
async def house(desk: Desk) -> House:
    """One address in the pool."""
    house = House(desk)
    await house.pools.add("home", "100.64.0.1/32")
    return house


async def test_each_kind_that_a_pool_has(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/30")
    await house.pools.add("home", "2001:db8:1::/56")
    await house.pools.add("home", "2001:db8:8000::/48", kind=Kind.DELEGATED_PREFIX, length=56)
    await house.pools.add("home", "2001:db8:2::/126", kind=Kind.IPV6_ADDRESS)
    admission = await house.sessions.admit(HOME.login(), pool="home")
    assert admission == Admitted(
        (
            DelegatedIPv6Prefix("2001:db8:8000::/56"),
            FramedIPAddress(ADDRESS),
            FramedIPv6Address("2001:db8:2::1"),
            FramedIPv6Prefix("2001:db8:1::/64"),
        )
    )
    assert await house.pools.states() == [
        PoolState("home", Kind.DELEGATED_PREFIX, 255, 1, 0),
        PoolState("home", Kind.ADDRESS, 1, 1, 0),
        PoolState("home", Kind.IPV6_ADDRESS, 2, 1, 0),
        PoolState("home", Kind.IPV6_PREFIX, 255, 1, 0),
    ]


async def test_a_pool_that_has_nothing_left(house: House) -> None:
    assert await house.take(HOME) == FramedIPAddress(ADDRESS)
    exhausted = await house.sessions.admit(NEXT_DOOR.login(), limit=1, pool="home")
    assert exhausted == PoolExhausted("home", Kind.ADDRESS)
    assert exhausted.reason == "pool home has no Framed-IP-Address left"
    # Nothing of the login is left: it does not count, and holds nothing of another kind.
    assert await house.desk.database.rows("SELECT * FROM trioradius_login") == []


async def test_what_another_kind_has_is_given_back_where_one_is_exhausted(house: House) -> None:
    await house.pools.add("home", "2001:db8::/63", kind=Kind.DELEGATED_PREFIX)
    assert isinstance(await house.sessions.admit(HOME.login(), pool="home"), Admitted)
    assert isinstance(await house.sessions.admit(NEXT_DOOR.login(), pool="home"), PoolExhausted)
    delegated, _ = await house.pools.states()
    assert (delegated.free, delegated.held) == (1, 1)


async def test_the_address_is_taken_back_on_stop(house: House) -> None:
    await house.take(HOME)
    await house.desk.start(HOME, FramedIPAddress(ADDRESS))
    house.desk.clock.pass_by(86_400)
    assert await house.take(NEXT_DOOR) is None
    assert await house.counts() == (0, 1, 0)
    await house.desk.stop(HOME, FramedIPAddress(ADDRESS), seconds=86_400)
    house.desk.clock.pass_by(1)
    assert await house.take(NEXT_DOOR) == FramedIPAddress(ADDRESS)


async def test_a_session_that_was_short_does_not_hold_it(house: House) -> None:
    await house.take(HOME)
    await house.desk.start(HOME, FramedIPAddress(ADDRESS))
    assert await house.counts() == (0, 1, 0)
    await house.desk.stop(HOME, FramedIPAddress(ADDRESS))
    assert await house.counts() == (1, 0, 0)
    assert await house.take(NEXT_DOOR) == FramedIPAddress(ADDRESS)


async def test_a_restart_of_the_nas_and_the_reaper_take_it_back(house: House) -> None:
    for line in (HOME, NEXT_DOOR):
        assert await house.take(line) == FramedIPAddress(ADDRESS)
        await house.desk.start(line, FramedIPAddress(ADDRESS), id=line.user)
        house.desk.clock.pass_by(1000)
        if line is HOME:
            await house.desk.restart()
        else:
            await house.sessions.reap(600)
        assert await house.counts() == (1, 0, 0)


async def test_a_login_without_a_session_holds_it_for_a_time(house: House) -> None:
    await house.take(HOME)
    house.desk.clock.pass_by(600)
    assert await house.counts() == (0, 1, 0)
    house.desk.clock.pass_by(1)
    assert await house.counts() == (1, 0, 0)


async def test_an_earlier_session_does_not_free_what_is_held_for_a_new_login(house: House) -> None:
    for id in ("1", "2"):
        await house.take(HOME)
        await house.desk.start(HOME, FramedIPAddress(ADDRESS), id=id)
        await house.desk.stop(HOME, FramedIPAddress(ADDRESS), id=id)
    await house.take(HOME)
    assert await house.counts() == (0, 1, 0)
    assert await house.take(NEXT_DOOR) is None


async def test_a_login_that_is_withdrawn_gives_it_back(house: House) -> None:
    await house.take(HOME)
    await house.sessions.withdraw(NEXT_DOOR.login())
    assert await house.counts() == (0, 1, 0)
    await house.sessions.withdraw(HOME.login())
    assert await house.counts() == (1, 0, 0)


async def test_a_login_that_is_withdrawn_leaves_what_a_session_has(house: House) -> None:
    await house.take(HOME)
    await house.desk.start(HOME, FramedIPAddress(ADDRESS))
    await house.take(HOME)
    await house.sessions.withdraw(HOME.login())
    assert await house.counts() == (0, 1, 0)
    assert await house.take(NEXT_DOOR) is None


async def test_a_user_gets_the_address_that_he_had(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/29")
    first = await house.take(HOME)
    assert first is not None
    assert await house.take(NEXT_DOOR) != first
    # The same line dials again before its Stop, and after it, and much later from elsewhere.
    await desk.start(HOME, FramedIPAddress(first.value))
    assert await house.take(HOME) == first
    await desk.stop(HOME, FramedIPAddress(first.value))
    assert await house.take(HOME) == first
    desk.clock.pass_by(86_400)
    assert await house.take(Line(port="ether9")) == first


async def test_a_second_session_gets_another_address(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/29")
    first = await house.take(HOME)
    assert first is not None
    second = await house.take(Line(port="ether9"))
    assert second != first
    await desk.start(HOME, FramedIPAddress(first.value))
    desk.clock.pass_by(86_400)
    assert await house.take(Line(port="ether9")) == second


async def test_of_the_free_ones_the_longest_free_is_taken(desk: Desk) -> None:
    house = House(desk, address_seconds=10)
    await house.pools.add("home", "100.64.0.1/32")
    await house.pools.add("home", "100.64.0.2/32")
    assert await house.take(HOME) == FramedIPAddress("100.64.0.1")
    desk.clock.pass_by(5)
    assert await house.take(NEXT_DOOR) == FramedIPAddress("100.64.0.2")
    desk.clock.pass_by(6)
    assert await house.counts() == (1, 1, 0)
    desk.clock.pass_by(5)
    assert await house.counts() == (2, 0, 0)
    assert await house.take(Line(user="carol")) == FramedIPAddress("100.64.0.1")


async def test_a_free_address_that_a_session_has_all_the_same_is_left_alone(desk: Desk) -> None:
    """As one that its NAS gave by itself, or whose session came back after it was reaped."""
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/30")
    await desk.start(NEXT_DOOR, FramedIPAddress("100.64.0.1"))
    assert await house.take(HOME) == FramedIPAddress("100.64.0.2")
    assert await house.take(Line(user="carol")) is None


async def test_what_was_his_is_not_his_while_another_has_it(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/30")
    assert await house.take(HOME) == FramedIPAddress("100.64.0.1")
    await desk.start(NEXT_DOOR, FramedIPAddress("100.64.0.1"))
    assert await house.take(HOME) == FramedIPAddress("100.64.0.2")
    desk.clock.pass_by(601)
    assert await house.take(Line(port="ether9")) == FramedIPAddress("100.64.0.2")
    assert await house.take(Line(port="ether8")) is None


async def test_of_his_own_the_one_of_this_place_comes_first(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/29")
    other = await house.take(Line(port="ether9"))
    desk.clock.pass_by(1)
    here = await house.take(HOME)
    assert other != here
    desk.clock.pass_by(600)
    assert await house.take(HOME) == here


@pytest.mark.parametrize(
    ("kind", "network", "attribute"),
    [
        (Kind.IPV6_PREFIX, "2001:db8::/64", FramedIPv6Prefix),
        (Kind.DELEGATED_PREFIX, "2001:db8::/64", DelegatedIPv6Prefix),
        (Kind.IPV6_ADDRESS, "2001:db8::1/128", FramedIPv6Address),
    ],
)
async def test_ipv6_is_held_and_taken_back_too(desk: Desk, kind: Kind, network: str, attribute: object) -> None:
    house = House(desk)
    await house.pools.add("home", network, kind=kind)
    taken = await house.take(HOME)
    assert taken is not None
    assert taken.attribute is attribute
    await desk.start(HOME, taken)
    desk.clock.pass_by(86_400)
    assert await house.take(NEXT_DOOR) is None
    await desk.stop(HOME, taken, seconds=86_400)
    assert await house.counts() == (1, 0, 0)
    assert await house.take(NEXT_DOOR) == taken


async def test_static_addresses_are_not_handed_out(desk: Desk) -> None:
    house = House(desk)
    await house.pools.exclude("100.64.0.2", "2001:DB8::/64")
    await house.pools.add("home", "100.64.0.0/29", exclude=["100.64.0.1"])
    await house.pools.add("v6", "2001:db8::/63")
    await house.pools.exclude("100.64.0.5", "100.64.0.3", "100.64.0.4")
    assert await house.take(HOME) == FramedIPAddress("100.64.0.6")
    assert await house.take(NEXT_DOOR) is None
    await house.pools.include("100.64.0.2", "203.0.113.1")
    assert await house.take(NEXT_DOOR) == FramedIPAddress("100.64.0.2")
    other = await house.sessions.admit(HOME.login(), pool="v6")
    assert other == Admitted((FramedIPv6Prefix("2001:db8:0:1::/64"),))


async def test_an_exclusion_outlives_the_network(desk: Desk) -> None:
    house = House(desk)
    await house.pools.add("home", "100.64.0.0/30", exclude=["100.64.0.1"])
    await house.pools.remove("100.64.0.0/30")
    assert await house.pools.states() == []
    await house.pools.add("home", "100.64.0.0/30")
    assert await house.counts() == (1, 0, 1)
    await house.pools.remove("100.64.0.0/30")
    await house.pools.include("100.64.0.1")
    await house.pools.add("home", "100.64.0.0/30")
    assert await house.counts() == (2, 0, 0)


async def test_a_network_that_is_added_again_stays_as_it_is(house: House) -> None:
    await house.take(HOME)
    await house.pools.add("home", "100.64.0.1/32")
    assert await house.counts() == (0, 1, 0)


async def test_the_limit_comes_before_the_address(house: House) -> None:
    assert isinstance(await house.sessions.admit(HOME.login(), limit=0, pool="home"), TooManySessions)
    assert await house.counts() == (1, 0, 0)


@pytest.mark.parametrize(
    ("network", "settings", "error"),
    [
        ("here", {}, "'here' is no network"),
        ("100.64.0.1/24", {}, "host bits"),
        ("100.64.0.0/22", {"kind": Kind.IPV6_PREFIX}, "is IPv4, and Framed-IPv6-Prefix is not"),
        ("2001:db8::/48", {"kind": Kind.ADDRESS}, "is IPv6, and Framed-IP-Address is not"),
        ("100.64.0.0/24", {"length": 30}, "has no length"),
        ("2001:db8::/48", {"length": 40}, "cannot be cut into prefixes of length 40"),
        ("2001:db8::/48", {"length": 129}, "cannot be cut into prefixes of length 129"),
        ("2001:db8::/32", {"length": 64}, "is 4294967296 addresses"),
        ("10.0.0.0/8", {}, "holds 1048576"),
        ("100.64.0.0/30", {}, r"100\.64\.0\.0/30 overlaps 100\.64\.0\.1/32 of pool home"),
        ("2001:db8::/48", {"exclude": ["no"]}, "'no' is neither an address nor a prefix"),
    ],
)
async def test_networks_that_make_no_pool(house: House, network: str, settings: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigurationError, match=error):
        await house.pools.add("other", network, **settings)  # type: ignore[arg-type]
    assert len(await house.pools.states()) == 1


async def test_names_that_are_none(house: House) -> None:
    with pytest.raises(ConfigurationError, match="wants a name"):
        await house.pools.add("", "100.64.2.0/24")
    with pytest.raises(ConfigurationError, match=r"there is no pool 'away'; Pools\.add\(\) makes it"):
        await house.sessions.admit(HOME.login(), pool="away")


async def test_a_full_pool_is_not_looked_through_for_each_login(house: House) -> None:
    await house.take(HOME)
    assert await house.take(NEXT_DOOR) is None
    await house.sessions.withdraw(HOME.login())
    await house.desk.database.transaction(lambda c: c.run("UPDATE trioradius_address SET state = 'held', moment = 1"))
    assert await house.take(NEXT_DOOR) is None
    house.desk.clock.pass_by(1)
    assert await house.take(NEXT_DOOR) == FramedIPAddress(ADDRESS)


async def test_logins_that_find_a_pool_exhausted_together_look_through_it_once(desk: Desk) -> None:
    house = House(desk, address_seconds=10)
    await house.pools.add("home", "100.64.0.0/28")
    for number in range(14):
        assert await house.take(Line(user=f"before{number}")) is not None
    desk.clock.pass_by(11)
    taken: list[AVP | None] = []

    async def take(number: int) -> None:
        taken.append(await house.take(Line(user=f"after{number}")))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(take, number)
    assert len({avp.value for avp in taken if avp is not None}) == 14
    assert taken.count(None) == 6
