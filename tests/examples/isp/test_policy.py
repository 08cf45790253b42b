"""The rules, each alone and at its edges."""

from __future__ import annotations

from datetime import datetime

import attrs
import pytest

from examples.isp import policy
from examples.isp.plans import Plan, Tier
from examples.isp.subscribers import Account, Subscriber, end_of, this_month
from trioradius.attributes.rates import Rate
from trioradius.sessions import Kind

GOLD = Rate(down="20M", up="5M", policy="GOLD")
SLOW, SLOWER = (
    Rate(down="5M", up="1M", policy="POLICY_FUP_TIER_1"),
    Rate(down="1M", up="1M", policy="POLICY_FUP_TIER_2"),
)
PLAN = Plan("gold", GOLD)
FAIR = Plan("fair", GOLD, (Tier(1000, SLOW), Tier(2000, SLOWER)), quota_octets=3000)
LAST = datetime(2026, 11, 21).date()


def account(
    plan: Plan = PLAN, *, used: int = 0, before: int = 0, licensed: int = 0, **of_subscriber: object
) -> Account:
    subscriber = attrs.evolve(Subscriber("alice", "wonderland", plan.name), **of_subscriber)
    return Account(subscriber, plan, before=before, licensed=licensed, used_octets=used)


def at(*moment: int) -> float:
    return datetime(*moment).timestamp()  # type: ignore[arg-type]


NOW = at(2026, 11, 21, 12)


def test_the_last_day_is_a_whole_day() -> None:
    mine = account(expiry_date="2026-11-21")
    assert policy.refusal(mine, at(2026, 11, 20, 0)) == ""
    assert policy.refusal(mine, at(2026, 11, 21, 0)) == ""
    assert policy.refusal(mine, at(2026, 11, 21, 23, 59, 59)) == ""
    assert policy.refusal(mine, at(2026, 11, 22, 0)) == "account expired"
    assert policy.refusal(account(expiry_date=None), at(2100, 1, 1)) == ""


def test_who_is_inactive_stays_out_and_so_do_the_subscribers_of_an_inactive_reseller() -> None:
    assert policy.refusal(account(is_active=False), NOW) == "account inactive"
    assert policy.refusal(attrs.evolve(account(), is_reseller_active=False), NOW) == "account inactive"
    assert policy.refusal(account(is_active=False, expiry_date="2020-01-01"), NOW) == "account inactive"


def test_a_licence_is_for_so_many_and_not_one_more() -> None:
    assert policy.refusal(account(before=99, licensed=100), NOW) == ""
    assert policy.refusal(account(before=100, licensed=100), NOW) == "account suspended (overlimit)"
    assert policy.refusal(account(before=0, licensed=1), NOW) == ""
    assert policy.refusal(account(before=10**6, licensed=0), NOW) == ""


def test_a_tier_begins_at_its_amount() -> None:
    wanted = ((0, GOLD), (999, GOLD), (1000, SLOW), (1999, SLOW), (2000, SLOWER), (2999, SLOWER))
    assert [policy.rate(account(FAIR, used=used)) for used, _ in wanted] == [rate for _, rate in wanted]


def test_a_quota_ends_at_its_amount() -> None:
    assert policy.refusal(account(FAIR, used=2999), NOW) == ""
    assert policy.refusal(account(FAIR, used=3000), NOW) == "quota used up"
    assert policy.refusal(account(PLAN, used=10**18), NOW) == ""
    assert policy.quota_left(account(FAIR, used=2999)) == 1
    assert policy.quota_left(account(FAIR, used=4000)) == 0
    assert policy.quota_left(account(PLAN)) is None


def test_the_longest_session_is_the_least_of_plan_expiry_and_quota() -> None:
    assert policy.longest_session(account(), NOW) is None
    assert policy.longest_session(account(attrs.evolve(PLAN, session_seconds=3600)), NOW) == 3600
    assert policy.longest_session(account(expiry_date="2026-11-21"), NOW) == 12 * 3600
    both = account(attrs.evolve(PLAN, session_seconds=86_400), expiry_date="2026-11-21")
    assert policy.longest_session(both, NOW) == 12 * 3600
    # 25 Mbit/s in both directions together: 3,125,000 octets a second.
    assert policy.longest_session(account(attrs.evolve(PLAN, quota_octets=3_125_000 * 600)), NOW) == 600
    burst = attrs.evolve(PLAN, rate=Rate.parse("5M/20M 10M/40M", policy="GOLD"), quota_octets=3_125_000 * 600)
    assert policy.longest_session(account(burst), NOW) == 300


def test_a_session_is_never_of_no_length() -> None:
    assert policy.longest_session(account(expiry_date="2026-11-21"), at(2026, 11, 21, 23, 59, 59) + 0.9) == 1
    assert policy.longest_session(account(attrs.evolve(PLAN, quota_octets=1)), NOW) == 60
    assert policy.longest_session(account(attrs.evolve(PLAN, quota_octets=1, rate=Rate(policy="OPEN"))), NOW) is None


def test_a_pool_is_asked_for_what_the_subscriber_has_not() -> None:
    plan = attrs.evolve(PLAN, pool="pool")
    none, four = frozenset[str](), frozenset({Kind.ADDRESS.value})
    both = four | {Kind.DELEGATED_PREFIX.value}
    for kinds, static, wanted in (
        (none, "", None),
        (four, "", "pool"),
        (four, "10.0.0.1", None),
        (both, "10.0.0.1", "pool"),
    ):
        assert policy.pool(attrs.evolve(account(plan, address=static), own_kinds=kinds)) == wanted


@pytest.mark.parametrize(
    ("day", "since", "until"),
    [((2026, 11, 30, 23, 59), (2026, 11, 1), (2026, 12, 1)), ((2026, 12, 31), (2026, 12, 1), (2027, 1, 1))],
)
def test_a_month(day: tuple[int, ...], since: tuple[int, ...], until: tuple[int, ...]) -> None:
    period = this_month(at(*day))
    assert (period.since, period.until) == (at(*since), at(*until))
    assert end_of(LAST) == at(2026, 11, 22)
