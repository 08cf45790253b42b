"""``trioradius bench``: load for a server, and how it bears it."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any, Final

import attrs
import click
import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from trioradius.attributes.dictionary import Dictionary
from trioradius.cli.asking import asking_options, chosen_items, schedule, secret_for, taken_apart
from trioradius.cli.eap import Errand, errands
from trioradius.cli.group import Mistake
from trioradius.cli.latencies import SHARES
from trioradius.cli.load import FAILURES, OUTSTANDING_MAXIMUM, Load
from trioradius.cli.options import chosen_dictionary
from trioradius.cli.output import print_heading, print_table
from trioradius.cli.request_text import Item, asks_for_proof, request_of
from trioradius.cli.tls import chosen_tls
from trioradius.client import Server, open_client
from trioradius.protocol.packets import AccountingRequest, Request

NUMBER: Final = "{n}"
SECONDS: Final = 10.0
SESSIONS_TOGETHER: Final = 100
"""So many sessions start, then report, then end, so that a record seldom overtakes the one before it."""
RECORDS: Final = ("Start", "Interim-Update", "Stop")
SESSION_ATTRIBUTES: Final = ("acct-session-id", "acct-status-type", "acct-session-time")
PREPARED_MAXIMUM: Final = 100_000
"""Requests that are made once and sent again; those beyond are made each time."""
LOOK_AGAIN: Final = 0.2
BAR: Final = 40
ANSWERED, LOST = 0, 1


@click.command("bench")
@click.argument("arguments", nargs=-1, required=True, metavar="[TYPE] SERVER [NAME=VALUE]...")
@asking_options
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Begin new ones so long; by default 10.")
@click.option("--count", type=click.IntRange(1), help="Or end after so many.")
@click.option("--window", type=click.IntRange(1, OUTSTANDING_MAXIMUM), help="Keep so many under way; by default 64.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Begin so many a second instead, whatever comes back; latency counts from the moment when one was due.",
)
@click.option(
    "--users",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help=f"{NUMBER} in a value is a number below this, another each time: User-Name=user{NUMBER}.",
)
@click.option("--sessions", is_flag=True, help="acct: Start, Interim-Update and Stop of one session after another.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(arguments: tuple[str, ...], **options: Any) -> int:
    """Put load on a RADIUS server: how many requests it answers, how many it loses, and how long they take.

    Everything about requests and servers is as with trioradius send, by UDP, TLS, DTLS and EAP; of EAP each
    conversation counts once. Ctrl-C ends it, with the summary of what was done until then. Only load servers that are
    yours.

    Exit status: 0 all was answered, by whatever reply; 1 something was lost, not believed, or could not be sent in
    time; 2 a mistake.
    """
    if options["rate"] is not None and options["window"] is not None:
        raise Mistake("give --window or --rate, not both")
    tls = chosen_tls(options)
    secret = secret_for(options, tls)
    kind, server, texts = taken_apart(arguments, tls, options["source"], command="bench")
    items = chosen_items(kind, texts, options["file"])
    dictionary = chosen_dictionary(options["dictionary"])
    template = _template(kind, items, options, dictionary)
    count = options["count"]
    load = Load(
        template.errand,
        window=options["window"] or 64,
        rate=options["rate"],
        seconds=(SECONDS if count is None else None) if options["seconds"] is None else options["seconds"],
        count=count,
    )
    logging.getLogger("trioradius").addHandler(logging.NullHandler())
    client: dict[str, Any] = {
        "secret": secret,
        "retransmission": schedule(options["attempts"], options["timeout"]),
        "require_message_authenticator": options["require_message_authenticator"],
        "prove_dynamic": asks_for_proof(items),
        "dictionary": dictionary,
    }
    discarded = trio.run(_run, load, server, client)
    summary = _summary(load, discarded)
    if options["as_json"]:
        click.echo(json.dumps(summary))
    else:
        _print(load, summary)
    return LOST if load.failed or summary["unsent"] or not load.ended else ANSWERED


@attrs.define
class Template:
    """Requests of many users or sessions, from one that has {n} in its values.

    Args:
        kind: their class.
        packets: their attributes as they were written; they take turns.
        options: the command's, which say how a password is shown.
        dictionary: what attributes are called.
        users: numbers that {n} takes.
        sessions: whether to add what makes accounting records of sessions.
    """

    kind: type[Request[Any]]
    packets: list[list[Item]]
    options: dict[str, Any]
    dictionary: Dictionary
    users: int
    sessions: bool
    _run: str = attrs.field(factory=lambda: os.urandom(4).hex(), init=False)
    _prepared: dict[int, Errand] = attrs.field(factory=dict, init=False)

    def errand(self, number: int) -> Errand:
        """The n-th one."""
        if self.sessions:
            session, step = session_and_step(number)
            return self._make(session, self._record(session, step))
        place = number % (len(self.packets) * self.users)
        if place not in self._prepared:
            made = self._make(place)
            if place >= PREPARED_MAXIMUM:
                return made
            self._prepared[place] = made
        return self._prepared[place]

    def _record(self, session: int, step: int) -> list[Item]:
        texts = (f"{self._run}{session:08x}", RECORDS[step], str(60 * step))
        return [Item("--sessions", name, text) for name, text in zip(SESSION_ATTRIBUTES, texts, strict=True)]

    def _make(self, place: int, added: list[Item] | None = None) -> Errand:
        number = str(place // len(self.packets) % self.users)
        written = self.packets[place % len(self.packets)]
        items = [item._replace(value=item.value.replace(NUMBER, number)) for item in written] + (added or [])
        request = request_of(self.kind, items, self.dictionary, as_chap=self.options["chap"])
        [errand] = errands(self.options, [request])
        return errand


def session_and_step(number: int) -> tuple[int, int]:
    """Which session the n-th record belongs to, and which of its three records it is."""
    group, place = divmod(number, SESSIONS_TOGETHER * len(RECORDS))
    step, session = divmod(place, SESSIONS_TOGETHER)
    return group * SESSIONS_TOGETHER + session, step


def _template(
    kind: type[Request[Any]], items: list[list[Item]], options: dict[str, Any], dictionary: Dictionary
) -> Template:
    if options["sessions"]:
        _require_sessions(kind, items)
    written = any(NUMBER in item.value for packet in items for item in packet)
    template = Template(kind, items, options, dictionary, options["users"] if written else 1, options["sessions"])
    # A mistake in the attributes shows before anything is sent.
    for number in range(len(items)):
        template.errand(number)
    return template


def _require_sessions(kind: type[Request[Any]], packets: list[list[Item]]) -> None:
    if kind is not AccountingRequest:
        raise Mistake("--sessions wants Accounting-Request: trioradius bench acct SERVER ...")
    for item in (item for packet in packets for item in packet):
        if item.name.lower() in SESSION_ATTRIBUTES:
            raise Mistake(f"{item.place}: --sessions gives {item.name} itself")


async def _run(load: Load, server: Server, client_options: dict[str, Any]) -> dict[str, int]:
    """Bear the load, with a progress bar on a terminal, until it is done or somebody presses Ctrl-C."""
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async with open_client(server, **client_options) as client, trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_signal, signals, load)
            nursery.start_soon(_show_progress, load)
            await load.run(client)
            nursery.cancel_scope.cancel()
        return dict(client.counters)


async def _stop_on_signal(signals: Any, load: Load) -> None:
    async for _ in signals:
        load.stop()


async def _show_progress(load: Load) -> None:
    console = Console(stderr=True)
    if not console.is_terminal:
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=load.count or load.seconds)
        start = trio.current_time()
        while True:
            await trio.sleep(LOOK_AGAIN)
            _update(progress, bar, load, trio.current_time() - start)


def _update(progress: Progress, bar: TaskID, load: Load, seconds: float) -> None:
    text = f"{load.ended:,} ended, {load.ended / seconds:,.0f} a second, {load.failed:,} failed"
    progress.update(bar, completed=load.ended if load.count else seconds, description=text)


def _summary(load: Load, discarded: dict[str, int]) -> dict[str, Any]:
    """What came of it; seconds and requests."""
    latencies = load.latencies
    return {
        "seconds": round(load.elapsed, 3),
        "stopped": load.stopped,
        "begun": load.begun,
        "ended": load.ended,
        "unsent": 0 if load.stopped else load.due - load.begun,
        "failed": load.failed,
        "per_second": round(latencies.count / load.elapsed, 1) if load.elapsed else 0.0,
        "outcomes": dict(load.outcomes.most_common()),
        "discarded": discarded,
        "latency_seconds": {
            "mean": latencies.mean,
            **{name: latencies.within(share) for name, share in SHARES.items()},
            "longest": latencies.longest,
        },
        "histogram": [
            {"from": first, "to": second, "answers": number} for first, second, number in latencies.doublings()
        ],
    }


def _print(load: Load, summary: dict[str, Any]) -> None:
    rate = f"{summary['per_second']:,.0f} a second{', stopped' if summary['stopped'] else ''}"
    colour = "red" if load.failed or summary["unsent"] else "green"
    print_heading(f"{load.latencies.count:,} answers in {summary['seconds']:.2f} s, {rate}", colour)
    print_table(("", ""), [*_outcomes(summary)], indent=2)
    if not load.latencies.count:
        return
    times = summary["latency_seconds"]
    click.echo(f"latency: {', '.join(f'{name} {_duration(seconds)}' for name, seconds in times.items())}")
    print_table(("", "", ""), [*_bars(summary["histogram"])], indent=2)


def _outcomes(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for outcome, number in summary["outcomes"].items():
        yield outcome, f"{number:,} ({100 * number / summary['ended']:.3g} %)" if outcome in FAILURES else f"{number:,}"
    for reason, number in summary["discarded"].items():
        yield "thrown away", f"{number:,} ({reason})"
    if summary["unsent"]:
        yield "not sent in time", f"{summary['unsent']:,} (the rate is more than this program can begin)"


def _bars(histogram: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    most = max(row["answers"] for row in histogram)
    for row in histogram:
        length = -(-BAR * row["answers"] // most)
        yield f"{_duration(row['from'])} to {_duration(row['to'])}", f"{row['answers']:,}", "#" * length


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
