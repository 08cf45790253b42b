"""``trioradius send``: requests to a server, as radclient sends them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
import trio

from trioradius.attributes.dictionary import Dictionary
from trioradius.cli.asking import asking_options, chosen_items, schedule, secret_for, taken_apart
from trioradius.cli.eap import Errand, errands
from trioradius.cli.options import chosen_dictionary
from trioradius.cli.output import print_attributes, print_heading
from trioradius.cli.request_text import asks_for_proof, request_of
from trioradius.cli.tls import chosen_tls
from trioradius.client import Client, Server, open_client
from trioradius.errors import AuthenticityError, DecodeError, NoResponse, VersionRefused
from trioradius.protocol.packets import AccessChallenge, AccessReject, CoANAK, DisconnectNAK, Reply, Request
from trioradius.transports import UDP

POSITIVE, NEGATIVE, SILENT, CHALLENGED = 0, 1, 3, 4
WORST_FIRST: Final = (SILENT, NEGATIVE, CHALLENGED, POSITIVE)
_ADVICE: Final = {
    "message_authenticator_missing": "its reply has no Message-Authenticator, and so may be forged; "
    "--no-require-message-authenticator takes it all the same",
    "response_authenticator": "its reply was signed with another secret",
    "message_authenticator_wrong": "its reply was signed with another secret",
}


@click.command("send")
@click.argument("arguments", nargs=-1, required=True, metavar="[TYPE] SERVER [NAME=VALUE]...")
@asking_options
@click.option("-x", "--verbose", is_flag=True, help="Show the requests too, and where replies came from.")
@click.option("--show-secrets", is_flag=True, help="Show passwords and keys, which are '...' otherwise.")
@click.option("--count", type=click.IntRange(1), default=1, help="Send each packet so often, and show a summary.")
@click.option("--parallel", type=click.IntRange(1), default=1, help="So many at once.")
def command(arguments: tuple[str, ...], **options: Any) -> int:
    """Send requests to a RADIUS server and show its replies.

    TYPE is auth (the default), acct, status, coa or disconnect, or a full name such as Access-Request; SERVER is a name
    or address, with :PORT where it is not 1812, 1813 or 3799. Without attributes and --file, packets are read from
    standard input: one attribute a line or several with commas between, and an empty line between packets.

    The secret comes from --secret, --secret-file or the environment variable TRIORADIUS_SECRET; with --tls it is
    "radsec", with --dtls "radius/dtls", unless an option gives another. Both want a certificate, its key, and an
    authority or the server's fingerprint; or instead of all these a pre-shared key.

    With --eap, User-Name and User-Password are shown to the EAP server by that method, over as many rounds as it takes;
    the methods on TLS want --ca and --server-name, or --eap-fingerprint.

    Exit status: 0 accepted, answered or acknowledged; 1 rejected or refused; 2 a mistake; 3 no response; 4 challenged.
    Of several packets the worst counts: 3, 1, 4, 0.
    """
    tls = chosen_tls(options)
    secret = secret_for(options, tls)
    kind, server, texts = taken_apart(arguments, tls, options["source"], command="send")
    items = chosen_items(kind, texts, options["file"])
    dictionary = chosen_dictionary(options["dictionary"])
    requests = [request_of(kind, packet, dictionary, as_chap=options["chap"]) for packet in items]
    to_do = errands(options, requests)
    # What a reply lacked is said on the one line that tells of the failure.
    logging.getLogger("trioradius").addHandler(logging.NullHandler())
    sending = Sending(
        server,
        show=_shower(dictionary, options["verbose"], options["show_secrets"], quiet=options["count"] > 1),
        parallel=options["parallel"],
        summary=options["count"] > 1,
        client={
            "secret": secret,
            "retransmission": schedule(options["attempts"], options["timeout"]),
            "require_message_authenticator": options["require_message_authenticator"],
            "prove_dynamic": asks_for_proof(items),
            "dictionary": dictionary,
        },
    )
    return sending.run(to_do * options["count"])


Show = Callable[[Server, Request[Any], Reply, float, str], None]


def _shower(dictionary: Dictionary, verbose: bool, secrets: bool, *, quiet: bool) -> Show:
    def show(server: Server, request: Request[Any], reply: Reply, seconds: float, about: str) -> None:
        if verbose:
            print_heading(f"{request.name} to {server.host} port {server.port}")
            print_attributes(request.avps, dictionary, secrets=secrets)
        if verbose or not quiet:
            number = f", Identifier {reply.identifier}" if verbose else ""
            print_heading(f"{reply.name}{number} in {1000 * seconds:.1f} ms", _colour(reply))
            if about:
                click.echo(f"  {about}")
            print_attributes(reply.avps, dictionary, secrets=secrets)

    return show


def _status(reply: Reply) -> int:
    if isinstance(reply, AccessReject | CoANAK | DisconnectNAK):
        return NEGATIVE
    return CHALLENGED if isinstance(reply, AccessChallenge) else POSITIVE


def _colour(reply: Reply) -> str:
    return {POSITIVE: "green", NEGATIVE: "red", CHALLENGED: "yellow"}[_status(reply)]


class Sending:
    """Several requests to one server, so many at once.

    Args:
        server: where to.
        show: called with each reply.
        parallel: requests under way at once.
        summary: print one at the end, and each complaint once.
        client: what open_client() takes besides the server.
    """

    def __init__(self, server: Server, *, show: Show, parallel: int, summary: bool, client: dict[str, Any]) -> None:
        self._server = server
        self._show = show
        self._parallel = parallel
        self._summary = summary
        self._options = client
        self._outcomes: Counter[str] = Counter()
        self._statuses: set[int] = set()
        self._complaints: set[str] = set()

    def run(self, to_do: Sequence[Errand]) -> int:
        """Send them all; the exit status that the worst reply gives."""
        seconds = trio.run(self._send_all, to_do)
        if self._summary:
            outcomes = ", ".join(f"{number} {outcome}" for outcome, number in self._outcomes.most_common())
            click.echo(f"{len(to_do)} exchanges in {seconds:.2f} s: {outcomes}")
        return next(status for status in WORST_FIRST if status in self._statuses)

    async def _send_all(self, to_do: Sequence[Errand]) -> float:
        begun = trio.current_time()
        waiting = iter(to_do)

        async def work() -> None:
            for errand in waiting:
                await self._exchange(client, errand)

        async with open_client(self._server, **self._options) as client, trio.open_nursery() as nursery:
            for _ in range(min(self._parallel, len(to_do))):
                nursery.start_soon(work)
        return trio.current_time() - begun

    async def _exchange(self, client: Client, errand: Errand) -> None:
        begun = trio.current_time()
        try:
            reply, about = await errand.run(client)
        except VersionRefused as error:
            self._outcomes["without response"] += 1
            self._statuses.add(SILENT)
            self._complain(str(error))
            return
        except NoResponse as error:
            refused = error.reason == "protocol_error"
            self._outcomes["Protocol-Error" if refused else "without response"] += 1
            self._statuses.add(NEGATIVE if refused else SILENT)
            self._complain(self._explained(error, client))
            return
        except (AuthenticityError, DecodeError) as error:
            self._outcomes["not believed"] += 1
            self._statuses.add(NEGATIVE)
            self._complain(str(error))
            return
        self._outcomes[reply.name] += 1
        self._statuses.add(_status(reply))
        self._show(self._server, errand.request, reply, trio.current_time() - begun, about)

    def _complain(self, text: str) -> None:
        """Say why there is no reply; of many requests, each reason once."""
        if not self._summary or text not in self._complaints:
            click.echo(f"trioradius send: {text}", err=True)
        self._complaints.add(text)

    def _explained(self, error: NoResponse, client: Client) -> str:
        if error.reason == "protocol_error" or not isinstance(self._server, UDP):
            return str(error)
        nobody = (
            "a server is silent to whom it does not know, and to accounting that it did not keep; "
            "are this address and the secret among its peers?"
        )
        found = [advice for reason, advice in _ADVICE.items() if client.counters[reason]]
        if not found and client.counters:
            return str(error)
        return f"no response from {self._server.host} port {self._server.port}: {(found or [nobody])[0]}"
