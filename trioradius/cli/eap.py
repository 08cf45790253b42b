"""EAP on the command line of a client: which method, who the user is, and which servers to believe."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
import click

from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.cli.group import Mistake
from trioradius.cli.ms_chap import by_ms_chap
from trioradius.client import Client
from trioradius.eap.supplicant import EAP_METHODS, EAPCredentials, needs_certificate, needs_tls
from trioradius.protocol.logins import MSCHAPLogin
from trioradius.protocol.packets import AccessRequest, Reply, Request
from trioradius.supplicant import EAPResult
from trioradius.tls import TLSSettings

Command = TypeVar("Command", bound=Callable[..., Any])

TLS_SETTINGS: Final = {
    "ca": "ca",
    "server_name": "server_name",
    "eap_fingerprint": "fingerprints",
    "eap_cert": "certificate",
    "eap_key": "key",
    "tls_max": "maximum_version",
}
"""Which option gives which setting."""
IDENTITIES: Final = ("identity", "anonymous_identity")
_FILE: Final = click.Path(dir_okay=False, path_type=pathlib.Path)


def eap_options(command: Command) -> Command:
    """The option --eap and those that go with it; see errands()."""
    options = (
        click.option(
            "--eap", metavar="METHOD", help=f"Authenticate by EAP, with User-Password: {', '.join(EAP_METHODS)}."
        ),
        click.option("--identity", metavar="NAME", help="The user of EAP, instead of User-Name."),
        click.option("--anonymous-identity", metavar="NAME", help="Who the user is outside the tunnel."),
        click.option("--ca", type=_FILE, multiple=True, metavar="FILE", help="Who signs the EAP server's certificate."),
        click.option("--server-name", metavar="NAME", help="What the EAP server's certificate must name."),
        click.option("--eap-fingerprint", multiple=True, metavar="SHA256", help="The EAP server's certificate itself."),
        click.option("--eap-cert", type=_FILE, metavar="FILE", help="The user's certificate, in PEM."),
        click.option("--eap-key", type=_FILE, metavar="FILE", help="Its private key, in PEM."),
        click.option("--tls-max", type=click.Choice(["1.2", "1.3"]), help="The highest TLS version within EAP."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@attrs.frozen
class Errand:
    """One request to send, or with credentials a conversation of which every request has its attributes."""

    request: Request[Any]
    credentials: EAPCredentials | None = None
    login: MSCHAPLogin | None = None

    async def run(self, client: Client) -> tuple[Reply, str]:
        """The final reply, and a line about how EAP came to it. Raises what the client raises."""
        if self.credentials is None:
            reply = await client.exchange(self.request)
            if self.login is not None:
                self.login.require_proof(reply)
            return reply, ""
        result = await client.authenticate(self.credentials, *self.request.avps)
        return result.reply, _described(result)


def errands(options: Mapping[str, Any], requests: list[Request[Any]]) -> list[Errand]:
    """What these options make of the requests. Raises Mistake and ConfigurationError."""
    method = options["eap"]
    if method is None:
        for option in (*TLS_SETTINGS, *IDENTITIES):
            if options[option]:
                raise Mistake(f"--{option.replace('_', '-')} wants --eap beside it")
        shown = [by_ms_chap(options, request) for request in requests]
        return [Errand(request, login=login) for request, login in shown]
    if options["chap"] or options["ms_chap"] or options["ms_chap_v2"]:
        raise Mistake("--eap and --chap, --ms-chap, --ms-chap-v2 are ways to show one password; give one of them")
    _require_options(options, method)
    return [_conversation(options, request) for request in requests]


def _require_options(options: Mapping[str, Any], method: str) -> None:
    if not needs_tls(method):
        return
    if not (options["ca"] or options["eap_fingerprint"]):
        raise Mistake(f"--eap {method} wants --ca FILE, with the authority of the server's certificate")
    if not (options["server_name"] or options["eap_fingerprint"]):
        raise Mistake(f"--eap {method} wants --server-name NAME, which the server's certificate is for")
    if needs_certificate(method) and not (options["eap_cert"] and options["eap_key"]):
        raise Mistake(f"--eap {method} wants --eap-cert FILE and --eap-key FILE, the user's certificate")


def _conversation(options: Mapping[str, Any], request: Request[Any]) -> Errand:
    """User-Name and User-Password of the request are for EAP; the password is not sent beside it."""
    if not isinstance(request, AccessRequest):
        raise Mistake(f"--eap wants Access-Request, and not {request.name}")
    given = {setting: options[option] for option, setting in TLS_SETTINGS.items() if options[option]}
    credentials = EAPCredentials(
        method=options["eap"],
        identity=options["identity"] or request.get(UserName) or "",
        password=request.octets(UserPassword),
        anonymous_identity=options["anonymous_identity"] or "",
        tls=TLSSettings(**given) if given else None,
    )
    taken = {UserPassword.key} if options["identity"] else {UserPassword.key, UserName.key}
    left = [avp for avp in request.avps if avp.attribute.key not in taken]
    if not any(avp.attribute.key == UserName.key for avp in left):
        left.insert(0, UserName(credentials.outer_identity))
    return Errand(AccessRequest(*left), credentials)


def _described(result: EAPResult) -> str:
    rounds = f"{result.rounds} round{'s' if result.rounds > 1 else ''}"
    return ", ".join(filter(None, (f"EAP {result.method}", rounds, result.tls_version, result.reason)))
