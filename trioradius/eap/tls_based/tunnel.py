"""TunnelSettings: what the tunnelled methods share: their TLS context, and whom resumed sessions stand for."""

from __future__ import annotations

from typing import Final

import attrs

from trioradius.eap.method import Circumstances, Done, Outcome
from trioradius.eap.tls_based import keys
from trioradius.eap.tls_based.channel import Channel
from trioradius.eap.tls_based.remembered import Remembered, User
from trioradius.tls.context import SESSION_SECONDS, eap_server_context
from trioradius.tls.purpose import ClientCertificate, Purpose
from trioradius.tls.settings import TLSSettings

WITHIN: Final = 128
"""Octets that an inner packet leaves to TLS and the tunnel's framing, so that one Request carries it."""


class TunnelSettings:
    """One tunnelled method's settings, made ready once.

    Args:
        kind: its EAP type.
        name: as in Outcome.
        settings: of TLS.
        client_certificate: what is asked of the client's machine.
        resumption: whether tickets are given, and taken.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    def __init__(
        self,
        kind: int,
        name: str,
        settings: TLSSettings,
        client_certificate: ClientCertificate,
        resumption: bool,
    ) -> None:
        self.kind = kind
        self.name = name
        self.settings = attrs.evolve(settings, resumption=resumption and settings.resumption)
        self.remembered = Remembered(SESSION_SECONDS)
        purpose = Purpose(f"trioradius {name}".encode(), client_certificate, many=True)
        self._context = eap_server_context(self.settings, purpose)

    def reload(self) -> None:
        """Read the files anew. Raises ConfigurationError, and then all stays as it was."""
        self._context = self._context.reload()
        # Tickets of the context before are worth nothing to the new one.
        self.remembered.clear()

    def open(self, circumstances: Circumstances, version: int = 0) -> Channel:
        """A channel for one run, with this version of the method in its flags."""
        return Channel(self._context, circumstances, version=version)

    def within(self, circumstances: Circumstances) -> Circumstances:
        """The circumstances of an inner method."""
        size = circumstances.fragment_size - WITHIN
        return Circumstances(circumstances.outer_identity, size, now=circumstances.now)

    def returning(self, channel: Channel, circumstances: Circumstances) -> User | None:
        """Who comes back with a session in which he was proved before; None where the inner method must run."""
        if not channel.done.resumed:
            return None
        user = self.remembered.find(channel.engine.resumed_session, circumstances.now)
        if user is not None:
            self.remembered.keep(channel.engine.session_name(), user)
        return user

    def returned(self, channel: Channel, user: User) -> Outcome:
        """The outcome where a session stands for its user."""
        return self._outcome(channel, user.identity, user.inner_method, resumed=True)

    def proved(self, channel: Channel, inner: Outcome) -> Outcome:
        """The outcome where the inner method has proved a user."""
        outcome = self._outcome(channel, inner.identity, inner.method)
        if outcome.certificate is not None or inner.certificate is None:
            return outcome
        return attrs.evolve(outcome, certificate=inner.certificate)

    def finish(self, channel: Channel, circumstances: Circumstances, outcome: Outcome) -> Done:
        """The end, from which on the session stands for its user, where sessions are resumed at all."""
        if self.settings.resumption and not outcome.resumed:
            # One who came back is not remembered for any longer than when he was proved.
            self.remembered.add(channel.engine.session_name(), outcome, circumstances.now)
        return Done(outcome)

    def _outcome(self, channel: Channel, identity: str, inner_method: str, resumed: bool = False) -> Outcome:
        derived = keys.keys(channel, self.kind)
        return Outcome(
            self.name,
            identity,
            inner_method,
            channel.done.certificate,
            channel.done.tls_version,
            resumed,
            derived.msk,
            derived.session_id,
        )
