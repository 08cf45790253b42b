import subprocess
import sys
from typing import Any

import pytest

from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.rates import Rate, kilobits, normalised
from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import AccessAccept

RATE = Rate(down="20M", up="5M", burst="8M/40M 4M/16M 10/12", policy="gold", policy_up="gold-up")


@pytest.mark.parametrize(
    ("text", "number", "stored"),
    [
        ("2000", 2000, "2000k"),
        (2000, 2000, "2000k"),
        ("2000k", 2000, "2000k"),
        ("2000K", 2000, "2000k"),
        ("2M", 2000, "2000k"),
        ("2m", 2000, "2000k"),
        ("1.5M", 1500, "1500k"),
        ("1.50 M", 1500, "1500k"),
        (" 0.512M ", 512, "512k"),
        ("2.0", 2, "2k"),
        ("1G", 1_000_000, "1000000k"),
        ("2.5G", 2_500_000, "2500000k"),
        ("0.000001G", 1, "1k"),
        ("0", 0, "0"),
        (0, 0, "0"),
        ("0M", 0, "0"),
        ("", 0, "0"),
        (None, 0, "0"),
        ("Unlimited", 0, "0"),
    ],
)
def test_a_rate_as_people_write_it(text: str | int | None, number: int, stored: str) -> None:
    assert (kilobits(text), normalised(text)) == (number, stored)


@pytest.mark.parametrize("text", ["fast", "2Mbit", "-2M", -2, "1,5M", "2 M k", "٢M", "1e3", ".5M", "2M/5M", True])
def test_what_is_no_rate_is_one_clear_line(text: str | int) -> None:
    with pytest.raises(ConfigurationError, match=r"^.+ is not a rate; write kilobits a second, as 2000, 2000k, 2M"):
        kilobits(text)


def test_a_part_of_a_kilobit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'1\.5k' is not a whole number of kilobits"):
        kilobits("1.5k")
    assert kilobits("1.0k") == 1


def written(rate: Rate, vendor: str, **how: bool) -> list[tuple[str, Any]]:
    return [(avp.name, avp.value) for avp in rate.attributes(vendor, **how)]


@pytest.mark.parametrize(
    ("vendor", "attributes"),
    [
        # rx of the router, which is what the subscriber sends, stands first.
        ("mikrotik", [("Mikrotik-Rate-Limit", "5000k/20000k 8000k/40000k 4000k/16000k 10/12")]),
        # Input is what the NAS takes in from the subscriber; bit/s.
        (
            "huawei",
            [
                ("Huawei-Input-Average-Rate", 5_000_000),
                ("Huawei-Output-Average-Rate", 20_000_000),
                ("Huawei-Input-Peak-Rate", 8_000_000),
                ("Huawei-Output-Peak-Rate", 40_000_000),
            ],
        ),
        (
            "h3c",
            [
                ("H3C-Input-Average-Rate", 5_000_000),
                ("H3C-Output-Average-Rate", 20_000_000),
                ("H3C-Input-Peak-Rate", 8_000_000),
                ("H3C-Output-Peak-Rate", 40_000_000),
            ],
        ),
        # kbit/s
        ("zte", [("ZTE-Rate-Ctrl-SCR-Up", 5_000), ("ZTE-Rate-Ctrl-SCR-Down", 20_000)]),
        ("wispr", [("WISPr-Bandwidth-Max-Up", 5_000_000), ("WISPr-Bandwidth-Max-Down", 20_000_000)]),
        (
            "cisco",
            [
                ("Cisco-AVPair", "subscriber:sub-qos-policy-in=gold-up"),
                ("Cisco-AVPair", "subscriber:sub-qos-policy-out=gold"),
            ],
        ),
        ("juniper", [("ERX-Ingress-Policy-Name", "gold-up"), ("ERX-Egress-Policy-Name", "gold")]),
        ("nokia", [("Alc-SLA-Prof-Str", "gold")]),
        # Policing is of what comes in, metering of what goes out.
        ("redback", [("Qos-Policing-Profile-Name", "gold-up"), ("Qos-Metering-Profile-Name", "gold")]),
        ("generic", [("Filter-Id", "gold")]),
    ],
)
def test_each_vendor_gets_its_direction_and_unit(vendor: str, attributes: list[tuple[str, Any]]) -> None:
    assert written(RATE, vendor) == attributes
    assert written(RATE, vendor.upper()) == attributes


@pytest.mark.parametrize(
    ("vendor", "keys"),
    [
        ("mikrotik", [(26, 14988, 8)]),
        ("huawei", [(26, 2011, 2), (26, 2011, 5), (26, 2011, 3), (26, 2011, 6)]),
        ("h3c", [(26, 25506, 2), (26, 25506, 5), (26, 25506, 1), (26, 25506, 4)]),
        ("zte", [(26, 3902, 89), (26, 3902, 83)]),
        ("wispr", [(26, 14122, 7), (26, 14122, 8)]),
        ("cisco", [(26, 9, 1), (26, 9, 1)]),
        ("juniper", [(26, 4874, 10), (26, 4874, 11)]),
        ("nokia", [(26, 6527, 13)]),
        ("redback", [(26, 2352, 87), (26, 2352, 88)]),
        ("generic", [11]),
    ],
)
def test_the_numbers_on_the_wire(vendor: str, keys: list[Any]) -> None:
    assert [avp.attribute.key for avp in RATE.attributes(vendor)] == keys
    assert len(AccessAccept(*RATE.attributes(vendor)).avps) == len(keys)


@pytest.mark.parametrize(
    ("word", "vendor"),
    [
        ("", "generic"),
        ("other", "generic"),
        ("ERX", "juniper"),
        ("Alcatel-Lucent-Service-Router", "nokia"),
        ("Ericsson-AB", "redback"),
        ("ericsson", "redback"),
    ],
)
def test_other_words_for_a_vendor(word: str, vendor: str) -> None:
    assert RATE.attributes(word) == RATE.attributes(vendor)


def test_the_dictionary_has_a_vendor_for_every_word_but_generic() -> None:
    words = {vendor.name.lower() for vendor in Dictionary.bundled().vendors}
    known = {"mikrotik", "huawei", "h3c", "zte", "cisco", "erx", "alcatel-lucent-service-router", "ericsson-ab"}
    assert known | {"wispr"} <= words
    assert all(RATE.attributes(word) for word in known)


def test_policies_in_place_of_numbers() -> None:
    assert written(RATE, "huawei", by_name=True) == [("Huawei-Qos-Profile-Name", "gold")]
    assert written(RATE, "zte", by_name=True) == [("ZTE-QOS-Profile-Up", "gold-up"), ("ZTE-QoS-Profile-Down", "gold")]
    assert written(RATE, "h3c", by_name=True) == written(RATE, "h3c")
    assert written(RATE, "mikrotik", by_name=True) == written(RATE, "mikrotik")


def test_one_policy_is_for_both_directions() -> None:
    assert written(Rate(policy="gold"), "juniper") == [
        ("ERX-Ingress-Policy-Name", "gold"),
        ("ERX-Egress-Policy-Name", "gold"),
    ]


@pytest.mark.parametrize(
    "vendor",
    ["mikrotik", "huawei", "h3c", "zte", "wispr", "cisco", "juniper", "nokia", "redback", "generic"],
)
def test_unlimited_sends_nothing(vendor: str) -> None:
    assert Rate().attributes(vendor) == ()
    assert Rate(down="unlimited", up=0).attributes(vendor) == ()


@pytest.mark.parametrize("vendor", ["mikrotik", "huawei", "h3c", "zte", "wispr"])
def test_a_policy_alone_is_nothing_to_who_takes_numbers(vendor: str) -> None:
    assert Rate(policy="gold").attributes(vendor) == ()


def test_one_direction_without_a_limit() -> None:
    assert written(Rate(down="2M"), "mikrotik") == [("Mikrotik-Rate-Limit", "0/2000k")]
    assert written(Rate(up="2M"), "mikrotik") == [("Mikrotik-Rate-Limit", "2000k/0")]
    assert written(Rate(down="2M"), "huawei") == [("Huawei-Output-Average-Rate", 2_000_000)]
    assert written(Rate(up="2M"), "zte") == [("ZTE-Rate-Ctrl-SCR-Up", 2_000)]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("1200k/2000k", "1200k/2000k"),
        ("1.2M/2M", "1200k/2000k"),
        (" 2M ", "2000k/2000k"),
        ("0/2M", "0/2000k"),
        ("2M/2M 4M", "2000k/2000k 4000k/4000k"),
        ("2M/4M 4M/8M 1M/2M 8/9 5 1M/1M", "2000k/4000k 4000k/8000k 1000k/2000k 8/9 5 1000k/1000k"),
        ("2M/4M  0/0 0/0", "2000k/4000k 0/0 0/0"),
        ("", "0/0"),
    ],
)
def test_a_stored_rate_comes_back(text: str, stored: str) -> None:
    rate = Rate.parse(text, policy="gold", policy_up="up")
    assert str(rate) == stored
    assert Rate.parse(stored, policy="gold", policy_up="up") == rate
    assert (rate.policy, rate.policy_up) == ("gold", "up")


def test_a_stored_rate_has_up_first() -> None:
    rate = Rate.parse("1200k/2000k 2M/4M")
    assert (rate.up, rate.down, rate.peak) == (1200, 2000, (2000, 4000))
    assert Rate.parse("1200k/2000k").peak == (0, 0)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Rate("20Q"), "'20Q' is not a rate"),
        (lambda: Rate.parse("5M/"), "'5M/' is not two rates; write up/down"),
        (lambda: Rate.parse("/5M"), "'/5M' is not two rates"),
        (lambda: Rate.parse("5M/5M/5M"), "'5M/5M' is not a rate"),
        (lambda: Rate("20M", "5M", burst="1 2 3 4 5 6"), "has more parts than burst rate, burst threshold"),
        (lambda: Rate("20M", "5M", burst="8M/40M 1M 1s"), "burst '8M/40M 1M 1s': '1s' is not a burst time"),
        (lambda: Rate("20M", "5M", burst="8M/40M 1M 1/2/3"), "'1/2/3' is not a burst time"),
        (lambda: Rate("20M", "5M", burst="8M/40M 1M 123456"), "'123456' is not a burst time"),
        (lambda: Rate("20M", "5M", burst="8M/40M 1M 1 high"), "'high' is not a priority"),
        (lambda: Rate("20M", "5M", burst="8M/10M"), "a burst of 10000k is slower than its rate of 20000k"),
        (lambda: Rate("20M", "5M", burst="4M/40M"), "a burst of 4000k is slower than its rate of 5000k"),
        (lambda: Rate("20M", burst="4M/40M"), "a burst of 4000k where the rate has no limit"),
        (lambda: Rate("20M", policy_up="x"), "policy_up wants a policy"),
    ],
)
def test_a_rate_that_cannot_be(make: Any, line: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make()
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("vendor", ["cisco", "juniper", "nokia", "redback", "generic", ""])
def test_who_takes_names_wants_a_policy(vendor: str) -> None:
    with pytest.raises(ConfigurationError, match=r"takes a policy's name for a rate; give the Rate of 0/2000k its pol"):
        Rate("2M").attributes(vendor)


def test_names_asked_for_want_a_policy() -> None:
    with pytest.raises(ConfigurationError, match="huawei takes a policy's name"):
        Rate("2M").attributes("huawei", by_name=True)


def test_an_unknown_vendor_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"vendor 'acme'; known are cisco, generic, h3c, huawei, juniper, mik"):
        RATE.attributes("acme")


def test_a_burst_may_be_as_slow_as_the_rate() -> None:
    assert str(Rate("20M", "5M", burst="5M/20M")) == "5000k/20000k 5000k/20000k"


def test_what_32_bits_do_not_hold() -> None:
    assert written(Rate(4_294_967), "huawei") == [("Huawei-Output-Average-Rate", 4_294_967_000)]
    with pytest.raises(ConfigurationError, match="huawei: 4294968k does not fit an attribute of 32 bits; use a policy"):
        Rate(4_294_968).attributes("huawei")
    assert written(Rate("4294967.295M"), "zte") == [("ZTE-Rate-Ctrl-SCR-Down", 0xFFFFFFFF)]
    assert written(Rate("10G"), "zte") == [("ZTE-Rate-Ctrl-SCR-Down", 10_000_000)]


def test_no_vendor_is_loaded_before_it_is_met() -> None:
    program = (
        "import sys, trioradius.attributes.rates as rates\n"
        "rates.Rate('2M', policy='gold').attributes('generic')\n"
        "print('trioradius.attributes.mikrotik' in sys.modules)\n"
        "rates.Rate('2M').attributes('mikrotik')\n"
        "print('trioradius.attributes.mikrotik' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
