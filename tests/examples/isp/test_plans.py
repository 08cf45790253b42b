"""Plans, and how amounts, times and tiers are typed."""

from __future__ import annotations

import pytest

from examples.isp import plans
from examples.isp.plans import Plan, Tier
from trioradius import ConfigurationError
from trioradius.attributes.rates import Rate

SLOW = Rate(down="5M", up="1M", policy="SLOW")


def test_amounts_times_and_tiers() -> None:
    amounts = {"0": 0, "500M": 500 * 10**6, "1.5T": 1_500_000_000_000, "100 GB": 10**11, "7k": 7000, "12": 12}
    assert {text: plans.octets(text) for text in amounts} == amounts
    times = {"3600": 3600, "30m": 1800, "24h": 86_400, "7D": 7 * 86_400, "5s": 5}
    assert {text: plans.seconds(text) for text in times} == times
    assert plans.tier("100G=1M/5M", 2) == Tier(10**11, Rate(down="5M", up="1M", policy="POLICY_FUP_TIER_2"))
    assert plans.tier("1G=1M/5M=SLOW", 1) == Tier(10**9, SLOW)
    assert [plans.written(n) for n in (0, 999, 1000, 1_500_000, 10**12)] == [
        "0 B",
        "999 B",
        "1.00 kB",
        "1.50 MB",
        "1.00 TB",
    ]


@pytest.mark.parametrize("text", ["", "1,5G", "100X", "-1G", "G"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not an amount"):
        plans.octets(text)


@pytest.mark.parametrize("text", ["", "1w", "-3", "1.5h"])
def test_no_times(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a time"):
        plans.seconds(text)


@pytest.mark.parametrize("text", ["100G", "100G=1M=2M=3M", "100G=fast"])
def test_no_tiers(text: str) -> None:
    with pytest.raises(ConfigurationError):
        plans.tier(text, 1)


@pytest.mark.parametrize(
    ("faulty", "why"),
    [
        ({"tiers": (Tier(2, SLOW), Tier(1, SLOW))}, "later"),
        ({"tiers": (Tier(1, SLOW), Tier(1, SLOW))}, "later"),
        ({"tiers": (Tier(10, SLOW),), "quota_octets": 10}, "used up"),
        ({"rate": Rate(down="1M", up="1M")}, "policy's name"),
        ({"rate": Rate(policy="x" * 65)}, "policy's name"),
    ],
)
def test_plans_that_cannot_be(faulty: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Plan(**{"name": "gold", "rate": SLOW, **faulty})  # type: ignore[arg-type]


def test_from_where_on_anything_changes() -> None:
    assert Plan("gold", SLOW).first_limit == 0
    assert Plan("gold", SLOW, quota_octets=9).first_limit == 9
    assert Plan("gold", SLOW, (Tier(5, SLOW),), quota_octets=9).first_limit == 5
    assert plans.label(SLOW) == "1000k/5000k SLOW"
