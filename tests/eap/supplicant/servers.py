"""An EAP server on TLS, driven by hand, so that it can be made to lie."""

from __future__ import annotations

from tests.tls.pki import NOW
from trioradius.eap.fragments import Fragment, Fragments, Message
from trioradius.eap.packet import REQUEST, EAPPacket
from trioradius.eap.supplicant.method import Method
from trioradius.tls import Data, Engine, Event, Failed, Purpose, State, TLSSettings, eap_server_context, server_engine


class TLSServer:
    """Talks to one method of a supplicant.

    ``plaintext`` is what the supplicant has said through TLS and nobody has read yet.
    """

    def __init__(self, method: Method, settings: TLSSettings, *, size: int = 1_020) -> None:
        asked = Purpose(b"tests", client_certificate="required" if settings.ca else "none")
        self.engine: Engine = server_engine(eap_server_context(settings, asked), now=NOW)
        self.events: list[Event] = []
        self.rounds = 0
        self._method = method
        self._fragments = Fragments(size)

    @property
    def plaintext(self) -> bytes:
        return b"".join(event.octets for event in self.events if isinstance(event, Data))

    @property
    def failure(self) -> str:
        return next((event.text for event in self.events if isinstance(event, Failed)), "")

    def request(self, data: bytes) -> bytes:
        """The Type-Data that answers this Type-Data."""
        self.rounds += 1
        return self._method.respond(EAPPacket(REQUEST, self.rounds % 256, self._method.type, data))

    def shake_hands(self, *, hang_up: bool = False) -> TLSServer:
        """A handshake as far as it goes, so that each end has heard the other's last word.

        ``hang_up``: say close_notify with the last of it.
        """
        ciphertext = self._whole(self.request(Fragment(start=True).encode()))
        while ciphertext:
            self.events += self.engine.feed(ciphertext)
            if hang_up and self.is_open:
                self.engine.close()
            ciphertext = self.deliver(self.engine.take())
        return self

    def deliver(self, message: bytes) -> bytes:
        """What the supplicant says to a whole message, in as many fragments as it takes both ways."""
        return self._whole(self.request(self._fragments.send(message)))

    def say(self, plaintext: bytes) -> bytes:
        """What the supplicant says in the tunnel to this."""
        self.engine.write(plaintext)
        ciphertext = self.deliver(self.engine.take())
        # To an engine b"" is the end of the stream; here it is an acknowledgement.
        heard = self.engine.feed(ciphertext) if ciphertext else []
        self.events += heard
        return b"".join(event.octets for event in heard if isinstance(event, Data))

    def _whole(self, response: bytes) -> bytes:
        while True:
            turn = self._fragments.receive(Fragment.decode(response))
            if isinstance(turn, Message):
                return turn.octets
            response = self.request(turn.data)

    @property
    def is_open(self) -> bool:
        return self.engine.state is State.OPEN
