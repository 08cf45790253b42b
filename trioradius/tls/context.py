"""Contexts: settings made into what OpenSSL needs, for a server or a client, for TLS or DTLS.

A context is never changed once it is made; reload() makes a new one of the same settings and the files' new content.
Always off: compression, renegotiation, early data, the system's trust. Whether the peer must show a certificate, or
may prove a key, is for the purpose to say.
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs
from cryptography import x509
from OpenSSL import SSL, crypto

from trioradius.errors import ConfigurationError
from trioradius.tls import alpn, openssl
from trioradius.tls.admission import Admission, Introduction
from trioradius.tls.alpn import RadiusVersion, TLSVersion
from trioradius.tls.credentials import Credentials
from trioradius.tls.identity import PeerCertificate, dns_name, plain_ip
from trioradius.tls.psk import read_identity
from trioradius.tls.purpose import RADIUS, Purpose
from trioradius.tls.settings import TLSSettings

Role: TypeAlias = Literal["server", "client"]

DTLS_1_2: Final = 0xFEFD
SESSION_SECONDS: Final = 3_600
"""How long a session can be resumed."""
CHAIN_MAXIMUM: Final = 8
"""Certificates between a peer's and an authority."""
PSK_CIPHERS: Final = (
    "ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384:DHE-PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-CBC-SHA256"
)
"""For TLS 1.2: with an ephemeral key exchange, as RFC 9813 wants it."""
PSK_CIPHERSUITES: Final = b"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
"""For TLS 1.3: those that go with the SHA-256 of a key given by hand (RFC 8446 section 4.2.11)."""

_OPTIONS: Final = (
    SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_QUERY_MTU
)
_NO_AUTOMATIC_CHAIN: Final = 0x8
"""SSL_MODE_NO_AUTO_CHAIN, for which pyOpenSSL has no name: OpenSSL would build, and verify, our own chain each time."""
_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_METHODS: Final = {
    ("server", False): SSL.TLS_SERVER_METHOD,
    ("client", False): SSL.TLS_CLIENT_METHOD,
    ("server", True): SSL.DTLS_SERVER_METHOD,
    ("client", True): SSL.DTLS_CLIENT_METHOD,
}


@attrs.frozen(eq=False)
class Context:
    """What connections of one role share. Made by server_context(), client_context() and those of EAP.

    ``protocols`` are the ALPN names offered, the best first; none is the historic handshake.
    """

    settings: TLSSettings
    role: Role
    datagrams: bool
    purpose: Purpose
    credentials: Credentials
    protocols: tuple[bytes, ...]
    ssl: SSL.Context = attrs.field(repr=False)
    kept: tuple[object, ...] = attrs.field(repr=False)

    def reload(self) -> Context:
        """A new context of the same settings, from the files as they are now. Raises ConfigurationError."""
        return _context(self.settings, self.role, self.datagrams, self.purpose, self.settings.read())

    def renewed(self) -> Context:
        """A new context of what was read before: sessions of this one cannot be resumed there."""
        return _context(self.settings, self.role, self.datagrams, self.purpose, self.credentials)

    def radius_version(self, protocol: bytes, tls_1_3: bool) -> RadiusVersion | None:
        """What was negotiated means, None where it must be refused (RFC 9765 section 3.3)."""
        return alpn.radius_version(protocol, self.settings.offered or ("1.0",), tls_1_3)

    def admission(self, server_name: str = "") -> Admission:
        """What the settings alone decide: for a client who the server must be, for a server whom it takes."""
        settings = self.settings
        pinned = settings.fingerprints.__contains__ if settings.fingerprints else None
        if self.role == "server":
            return Admission(pinned, key_of=functools.partial(_settings_key, settings))
        if pinned is not None:
            return Admission(pinned, functools.partial(_unpinned, settings.fingerprints))
        return Admission(None, functools.partial(_misnamed, server_name))

    def fault(
        self, certificate: PeerCertificate, chain: tuple[x509.Certificate, ...], admission: Admission, now: datetime
    ) -> str:
        """Why a live connection's certificate no longer passes under this context, or "".

        ``chain`` are the certificates that the peer sent with it.
        """
        known = self.known_fault(certificate, admission, now)
        if known or _is_pinned(admission, certificate):
            return known
        return self._chain_fault(certificate, chain, now)

    def known_fault(self, certificate: PeerCertificate, admission: Admission, now: datetime) -> str:
        """Why a certificate whose chain was verified before may not come in, or ""; resumption repeats this."""
        if self.credentials.is_revoked(certificate.certificate):
            return "certificate revoked"
        return certificate.validity_fault(now) or admission.refuses(certificate)

    def _chain_fault(self, certificate: PeerCertificate, chain: tuple[x509.Certificate, ...], now: datetime) -> str:
        store = crypto.X509Store()
        _trust(store, self.credentials)
        store.set_time(now)
        try:
            crypto.X509StoreContext(store, _x509(certificate.certificate), [*map(_x509, chain)]).verify_certificate()
        except crypto.X509StoreContextError as error:
            return str(error)
        return ""


def server_context(settings: TLSSettings, *, datagrams: bool = False, has_keys: bool = False) -> Context:
    """A context for a server; ``has_keys`` says that its admissions know PSKs, so that it needs no certificate.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """
    if settings.certificate is None and settings.psk is None and not has_keys:
        raise ConfigurationError("a TLS server needs a certificate and its key, or a PSK")
    return _context(settings, "server", datagrams, RADIUS, settings.read())


def client_context(settings: TLSSettings, *, datagrams: bool = False) -> Context:
    """A context for a client. Raises ConfigurationError."""
    if settings.certificate is None and settings.psk is None:
        raise ConfigurationError("a TLS client needs a certificate and its key, or a PSK")
    if not settings.ca and not settings.fingerprints and settings.psk is None:
        raise ConfigurationError("a TLS client needs a ca, or the fingerprint of the server's certificate")
    return _context(settings, "client", datagrams, RADIUS, settings.read())


def eap_server_context(settings: TLSSettings, purpose: Purpose) -> Context:
    """A context for the server's side of an EAP method; what the settings say of RADIUS versions does not count here.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """
    if settings.certificate is None:
        raise ConfigurationError("certificate: a TLS-based EAP method needs a certificate of the server, and its key")
    if purpose.client_certificate != "none" and not settings.ca and not settings.fingerprints:
        raise ConfigurationError("ca: client certificates need the authorities that they may come from")
    return _eap_context(settings, "server", purpose)


def eap_client_context(settings: TLSSettings, purpose: Purpose) -> Context:
    """A context for the peer's side of an EAP method, which may have a certificate. Raises ConfigurationError."""
    if not settings.ca and not settings.fingerprints:
        raise ConfigurationError("ca: an EAP peer needs the server's authority, or the fingerprint of its certificate")
    return _eap_context(settings, "client", purpose)


def _eap_context(settings: TLSSettings, role: Role, purpose: Purpose) -> Context:
    if settings.psk is not None:
        raise ConfigurationError("psk: EAP does not take pre-shared keys (RFC 9190 section 2.1.1)")
    return _context(settings, role, False, purpose, settings.read())


def _context(settings: TLSSettings, role: Role, datagrams: bool, purpose: Purpose, credentials: Credentials) -> Context:
    highest: TLSVersion = "1.2" if datagrams else settings.maximum_version
    protocols = alpn.offered(settings.offered or (), highest) if purpose.radius else ()
    if purpose.radius and settings.offered and not protocols:
        raise ConfigurationError('versions "1.1" needs TLS 1.3, and DTLS is 1.2 here')
    context = SSL.Context(_METHODS[role, datagrams])
    context.set_options(_OPTIONS)
    context.set_mode(_NO_AUTOMATIC_CHAIN)
    _limit_versions(context, settings, datagrams, purpose)
    _present(context, credentials, settings)
    _set_ciphers(context, settings, has_psk=purpose.radius and highest == "1.2")
    _trust(_store(context), credentials)
    context.set_verify_depth(CHAIN_MAXIMUM)
    kept = _ask_certificate(context, role, purpose)
    _negotiate(context, role, protocols)
    _set_resumption(context, settings.resumption and not datagrams, has_table=purpose.many and role == "server")
    if role == "server":
        context.set_session_id(purpose.name)
        _staple(context, credentials)
        kept += _greet(context, settings, datagrams, purpose)
    if datagrams and role == "server":
        context.set_cookie_generate_callback(lambda connection: _introduction(connection).cookies[0])
        context.set_cookie_verify_callback(_is_cookie)
    if purpose.radius:
        kept += _set_psk(context, role, settings, highest)
    if purpose.many:
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    return Context(settings, role, datagrams, purpose, credentials, protocols, context, kept)


def _limit_versions(context: SSL.Context, settings: TLSSettings, datagrams: bool, purpose: Purpose) -> None:
    lowest = settings.lowest if purpose.radius else settings.minimum_version
    context.set_min_proto_version(DTLS_1_2 if datagrams else _VERSIONS[lowest])
    context.set_max_proto_version(DTLS_1_2 if datagrams else _VERSIONS[settings.maximum_version])


def _present(context: SSL.Context, credentials: Credentials, settings: TLSSettings) -> None:
    """Our own certificate, the ones that lead to its authority, and the key."""
    if not credentials.chain or credentials.key is None:
        return
    try:
        context.use_certificate(credentials.chain[0])
        for certificate in credentials.chain[1:] or credentials.leading():
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(credentials.key)
    except SSL.Error as error:
        raise ConfigurationError(f"certificate: OpenSSL refuses {settings.certificate}: {_words(error)}") from None


def _ask_certificate(context: SSL.Context, role: Role, purpose: Purpose) -> tuple[object, ...]:
    """What the other end must show; a client asks for a certificate always."""
    if role == "server" and purpose.client_certificate == "none":
        return ()
    return openssl.ask_certificate(context, _verify, required=purpose.client_certificate == "required")


def _staple(context: SSL.Context, credentials: Credentials) -> None:
    """Our own OCSP response, for clients that ask for one (RFC 6066 section 8, RFC 9190 section 5.4)."""
    if credentials.ocsp:
        context.set_ocsp_server_callback(lambda connection, data: credentials.ocsp)


def _set_ciphers(context: SSL.Context, settings: TLSSettings, has_psk: bool) -> None:
    ciphers = settings.ciphers
    if has_psk and openssl.HAS_PSK:
        ciphers = f"{PSK_CIPHERS}:{ciphers}"
    try:
        context.set_cipher_list(settings.ciphers.encode())
        context.set_cipher_list(f"{ciphers}:!NULL:!aNULL:!EXPORT:!kPSK:!kRSAPSK".encode())
    except SSL.Error as error:
        raise ConfigurationError(f"ciphers: OpenSSL refuses {settings.ciphers!r}: {_words(error)}") from None


def _words(error: SSL.Error) -> str:
    return error.args[0][0][2] if error.args and error.args[0] else "no reason given"


def _store(context: SSL.Context) -> crypto.X509Store:
    store = context.get_cert_store()
    assert store is not None
    return store


def _x509(certificate: x509.Certificate) -> crypto.X509:
    return crypto.X509.from_cryptography(certificate)


def _trust(store: crypto.X509Store, credentials: Credentials) -> None:
    for certificate in credentials.ca:
        store.add_cert(_x509(certificate))
    for revocation_list in credentials.crls:
        store.add_crl(revocation_list)
    if credentials.crls:
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)


def _negotiate(context: SSL.Context, role: Role, protocols: tuple[bytes, ...]) -> None:
    if not protocols:
        return
    if role == "client":
        context.set_alpn_protos(list(protocols))
    else:
        context.set_alpn_select_callback(functools.partial(_choose_protocol, protocols))


def _set_resumption(context: SSL.Context, resumption: bool, has_table: bool) -> None:
    """Tickets, which take no memory; and where peers know only the session ids of TLS 1.2, a table in memory as well.

    OpenSSL bounds the table to 20,480 sessions, the oldest of which go.
    """
    possible = resumption and openssl.HAS_RESUMPTION
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER if possible and has_table else SSL.SESS_CACHE_OFF)
    context.set_timeout(SESSION_SECONDS)
    if not possible:
        context.set_options(SSL.OP_NO_TICKET)


def _greet(context: SSL.Context, settings: TLSSettings, datagrams: bool, purpose: Purpose) -> tuple[object, ...]:
    """What happens once a server has read the ClientHello; the contexts of hosts must outlive this one."""
    hosts = {dns_name(name): _of_host(settings.for_host(name), datagrams, purpose) for name in settings.hosts}
    context.set_tlsext_servername_callback(functools.partial(_greeted, hosts))
    return (hosts,)


def _set_psk(context: SSL.Context, role: Role, settings: TLSSettings, highest: TLSVersion) -> tuple[object, ...]:
    """Keys are for the highest version alone: one key must not serve TLS 1.2 and 1.3 (RFC 8446 section E.7)."""
    if not openssl.HAS_PSK:
        if settings.psk is not None:
            raise ConfigurationError("psk: this pyOpenSSL cannot use pre-shared keys")
        return ()
    if role == "server":
        if highest == "1.2":
            context.set_options(SSL.OP_NO_TICKET)
        return openssl.serve_psk(context, _key_of, highest == "1.3")
    if settings.psk is None:
        return ()
    context.set_tls13_ciphersuites(PSK_CIPHERSUITES)
    return openssl.present_psk(context, settings.psk.identity.encode(), settings.psk.key, highest == "1.3")


def _introduction(connection: SSL.Connection) -> Introduction:
    found: Introduction = connection.get_app_data()
    return found


def _of_host(settings: TLSSettings, datagrams: bool, purpose: Purpose) -> Context:
    return _context(settings, "server", datagrams, purpose, settings.read())


def _greeted(hosts: Mapping[str, Context], connection: SSL.Connection) -> None:
    """Called with a name or none, after the ticket was read and before its session takes on what is negotiated now."""
    if openssl.HAS_RESUMPTION and openssl.is_resumed(connection):
        _introduction(connection).resumed_protocol = openssl.session_protocol(connection)
        _introduction(connection).resumed_session = openssl.session_name(connection)
    host = hosts.get((connection.get_servername() or b"").decode("ascii", "replace").lower())
    if host is not None:
        connection.set_context(host.ssl)


def _is_cookie(connection: SSL.Connection, cookie: bytes) -> bool:
    return any(hmac.compare_digest(cookie, ours) for ours in _introduction(connection).cookies)


def _key_of(connection: SSL.Connection, octets: bytes) -> bytes | None:
    """The key for an identity; a session ticket comes this way as well, and is nobody's."""
    introduction = _introduction(connection)
    identity = read_identity(octets)
    key = introduction.admission.key_of(identity) if identity is not None else None
    if key is None or identity is None:
        return None
    introduction.psk_identity = identity
    # Whoever proved a key once proves it again: without a certificate, a ticket would say nothing about its holder.
    connection.set_options(SSL.OP_NO_TICKET)
    return key


def _choose_protocol(ours: tuple[bytes, ...], connection: SSL.Connection, theirs: list[bytes]) -> bytes:
    """Raises NoCommonProtocol, which makes OpenSSL send alert no_application_protocol (120)."""
    return alpn.choose(ours, theirs, connection.get_protocol_version() == SSL.TLS1_3_VERSION)


def _verify(connection: SSL.Connection, certificate: crypto.X509, fault: int, depth: int) -> int:
    """One step of a chain, from the authority down; the peer's own certificate, at depth 0, comes last."""
    introduction = _introduction(connection)
    if fault:
        return _weigh(introduction, fault, depth)
    return _last_step(introduction, certificate) if depth == 0 else 0


def _last_step(introduction: Introduction, certificate: crypto.X509) -> int:
    """What is wrong with the peer's own certificate, after its chain was looked at, or 0."""
    admission = introduction.admission
    try:
        peer = PeerCertificate.read(certificate.to_cryptography())
    except ValueError:
        introduction.refusal = "the certificate cannot be read"
        return openssl.REJECTED
    introduction.certificate = peer
    if introduction.fault and not _is_pinned(admission, peer):
        introduction.refusal = openssl.verification_text(introduction.fault)
        return introduction.fault
    introduction.refusal = admission.refuses(peer)
    return openssl.REJECTED if introduction.refusal else 0


def _weigh(introduction: Introduction, fault: int, depth: int) -> int:
    """The fault, or 0 where a fingerprint may yet stand in for the chain; for the peer's own dates it does not.

    Name constraints come after the last step, when it is known whose certificate it is (RFC 5280 section 4.2.1.10).
    """
    admission, peer = introduction.admission, introduction.certificate
    may_be_pinned = admission.pinned is not None if peer is None else _is_pinned(admission, peer)
    if not may_be_pinned or (depth == 0 and fault in openssl.OUT_OF_DATE):
        introduction.refusal = openssl.verification_text(fault)
        return fault
    introduction.fault = introduction.fault or fault
    return 0


def _is_pinned(admission: Admission, peer: PeerCertificate) -> bool:
    return admission.pinned is not None and admission.pinned(peer.fingerprint)


def _settings_key(settings: TLSSettings, identity: str) -> bytes | None:
    return settings.psk.key if settings.psk is not None and settings.psk.identity == identity else None


def _unpinned(fingerprints: tuple[str, ...], certificate: PeerCertificate) -> str:
    return "" if certificate.fingerprint in fingerprints else "the certificate is none of the pinned ones"


def _misnamed(name: str, certificate: PeerCertificate) -> str:
    if name and certificate.is_for(name):
        return ""
    holds = ", ".join([*certificate.dns, *map(str, certificate.ip)]) or "no name"
    kind = "address" if plain_ip(name) else "name"
    return f"the certificate is not for the {kind} {name!r}, but for {holds}"
