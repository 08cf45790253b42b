"""What pyOpenSSL has no public name for: the only module that touches its private parts.

Feature-tested when it is imported: a part that is missing shows as a clear refusal, not as a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL, crypto

_lib: Any = getattr(SSL, "_lib", None)
_ffi: Any = getattr(SSL, "_ffi", None)
_connections: Any = getattr(SSL.Connection, "_reverse_mapping", None)

_PSK_PARTS: Final = (
    "SSL_CTX_set_psk_server_callback",
    "SSL_CTX_set_psk_client_callback",
    "SSL_CTX_set_psk_find_session_callback",
    "SSL_CTX_set_psk_use_session_callback",
    "Cryptography_SSL_SESSION_new",
    "SSL_SESSION_set1_master_key",
    "SSL_SESSION_set_cipher",
    "SSL_SESSION_set_protocol_version",
    "SSL_CIPHER_find",
)
HAS_PSK: Final = (
    _connections is not None
    and all(hasattr(_lib, part) for part in _PSK_PARTS)
    and bool(getattr(_lib, "Cryptography_HAS_PSK", 0))
    and bool(getattr(_lib, "Cryptography_HAS_PSK_TLSv1_3", 0))
)
"""Whether pre-shared keys work."""
HAS_RESUMPTION: Final = all(
    hasattr(_lib, part) for part in ("SSL_session_reused", "SSL_get_session", "i2d_SSL_SESSION")
)
"""Whether a resumed session can be told from a new one; without that, none is resumed."""

_PSK_CIPHER: Final = b"\x13\x01"
"""TLS_AES_128_GCM_SHA256: a key given by hand goes with SHA-256 (RFC 8446 section 4.2.11)."""
_ALPN_TAG: Final = 0xB0
"""The field of OpenSSL's session encoding that holds the ALPN protocol: [16] EXPLICIT."""

REJECTED: Final[int] = getattr(_lib, "X509_V_ERR_CERT_REJECTED", 28)
"""A certificate refused for reasons of ours; the peer gets the alert bad_certificate."""
OUT_OF_DATE: Final[tuple[int, ...]] = (
    getattr(_lib, "X509_V_ERR_CERT_NOT_YET_VALID", 9),
    getattr(_lib, "X509_V_ERR_CERT_HAS_EXPIRED", 10),
)

Verify = Callable[[SSL.Connection, crypto.X509, int, int], int]
"""Connection, certificate, what OpenSSL finds wrong with it (0: nothing), and its depth; the verdict is such a number.

It must not raise: an exception refuses the certificate, and is printed.
"""
KeyOf = Callable[[SSL.Connection, bytes], bytes | None]
"""The key for a PSK identity that a client sent, or None."""


def ask_certificate(context: SSL.Context, verify: Verify, *, required: bool) -> tuple[object, ...]:
    """Ask the peer for a certificate, which a client need not have unless it is required (a server always does).

    What is returned must outlive the context.

    pyOpenSSL's own callback cannot say what is wrong, and a peer whose name does not fit got internal_error.
    """

    def step(passes: int, store: Any) -> int:
        found = _lib.X509_STORE_CTX_get_current_cert(store)
        _lib.X509_up_ref(found)
        ssl = _lib.X509_STORE_CTX_get_ex_data(store, _lib.SSL_get_ex_data_X509_STORE_CTX_idx())
        fault = 0 if passes else _lib.X509_STORE_CTX_get_error(store)
        depth = _lib.X509_STORE_CTX_get_error_depth(store)
        verdict = verify(_connections[ssl], crypto.X509._from_raw_x509_ptr(found), fault, depth)
        _lib.X509_STORE_CTX_set_error(store, verdict)
        return int(verdict == 0)

    callback = _ffi.callback("int (*)(int, X509_STORE_CTX *)", step, error=0)
    mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT if required else SSL.VERIFY_PEER
    _lib.SSL_CTX_set_verify(context._context, mode, callback)
    return (callback,)


def serve_psk(context: SSL.Context, key_of: KeyOf, tls_1_3: bool) -> tuple[object, ...]:
    """Let a server context ask for keys, in TLS 1.3 or else in TLS 1.2; what is returned must outlive the context."""

    def server(ssl: Any, identity: Any, key: Any, maximum: int) -> int:
        found = key_of(_connections[ssl], _ffi.string(identity)) if not tls_1_3 else None
        if found is None or len(found) > maximum:
            return 0
        _ffi.memmove(key, found, len(found))
        return len(found)

    def find_session(ssl: Any, identity: Any, length: int, session: Any) -> int:
        found = key_of(_connections[ssl], bytes(_ffi.buffer(identity, length)))
        session[0] = _session(ssl, found) if found is not None else _ffi.NULL
        return 1

    # TLS 1.3 needs the first one as well: with it OpenSSL prefers the cipher suites of SHA-256, which PSKs go with.
    first = _ffi.callback("unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int)", server, error=0)
    _lib.SSL_CTX_set_psk_server_callback(context._context, first)
    if not tls_1_3:
        return (first,)
    second = _ffi.callback("int (*)(SSL *, const unsigned char *, size_t, SSL_SESSION **)", find_session, error=0)
    _lib.SSL_CTX_set_psk_find_session_callback(context._context, second)
    return first, second


def present_psk(context: SSL.Context, identity: bytes, key: bytes, tls_1_3: bool) -> tuple[object, ...]:
    """Let a client context present this key, in TLS 1.3 or else in TLS 1.2; what is returned must outlive it."""
    name = _ffi.new("unsigned char[]", identity)

    def client(ssl: Any, hint: Any, into: Any, room: int, key_into: Any, key_room: int) -> int:
        if len(identity) >= room or len(key) > key_room:
            return 0
        _ffi.memmove(into, identity + b"\0", len(identity) + 1)
        _ffi.memmove(key_into, key, len(key))
        return len(key)

    def use_session(ssl: Any, digest: Any, into: Any, length: Any, session: Any) -> int:
        into[0], length[0], session[0] = name, len(identity), _session(ssl, key)
        return 1

    if not tls_1_3:
        kind = "unsigned int (*)(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)"
        callback = _ffi.callback(kind, client, error=0)
        _lib.SSL_CTX_set_psk_client_callback(context._context, callback)
        return (callback,)
    kind = "int (*)(SSL *, const EVP_MD *, const unsigned char **, size_t *, SSL_SESSION **)"
    callback = _ffi.callback(kind, use_session, error=0)
    _lib.SSL_CTX_set_psk_use_session_callback(context._context, callback)
    return callback, name


def _session(ssl: Any, key: bytes) -> Any:
    """A TLS 1.3 session made of a key; OpenSSL frees it."""
    session = _lib.Cryptography_SSL_SESSION_new()
    made = (
        _lib.SSL_SESSION_set1_master_key(session, key, len(key))
        and _lib.SSL_SESSION_set_cipher(session, _lib.SSL_CIPHER_find(ssl, _PSK_CIPHER))
        and _lib.SSL_SESSION_set_protocol_version(session, SSL.TLS1_3_VERSION)
    )
    if made:
        return session
    _lib.SSL_SESSION_free(session)
    return _ffi.NULL


def listen(connection: SSL.Connection) -> bool:
    """Whether the ClientHello that was fed to a DTLS server carries a good cookie (DTLSv1_listen)."""
    try:
        connection.DTLSv1_listen()
    except SSL.Error:
        return False
    finally:
        # SSL_get_error() wants the thread's queue of errors empty, or another connection would find what is in it.
        _lib.ERR_clear_error()
    return True


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed a session, or in TLS 1.3 used a PSK, which is the same thing there."""
    return bool(_lib.SSL_session_reused(connection._ssl))


def session_protocol(connection: SSL.Connection) -> bytes:
    """The ALPN protocol that a connection's session was made for, b"" where there was none."""
    session = _lib.SSL_get_session(connection._ssl)
    length = _lib.i2d_SSL_SESSION(session, _ffi.NULL) if session != _ffi.NULL else 0
    if length <= 0:
        return b""
    room = _ffi.new("unsigned char[]", length)
    _lib.i2d_SSL_SESSION(session, _ffi.new("unsigned char **", room))
    return _field(bytes(_ffi.buffer(room, length)), _ALPN_TAG)


def session_name(connection: SSL.Connection) -> bytes:
    """What tells a session from every other, at both of its ends and in whatever ticket it travels; no secret.

    In TLS 1.3 it changes with each ticket that is sent: it is that of the last one.
    """
    secret = connection.master_key()
    return hashlib.sha256(b"trioradius session" + secret).digest() if secret else b""


def _field(der: bytes, tag: int) -> bytes:
    """The octets of an explicitly tagged octet string, one field of a DER sequence; b"" where it has none."""
    _, start, end = _element(der, 0)
    while start < end:
        found, inside, after = _element(der, start)
        if found == tag:
            _, begin, finish = _element(der, inside)
            return der[begin:finish]
        start = after
    return b""


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, beginning and end of the value of the DER element here."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2 : begin], "big")
    return der[at], begin, begin + length


def verification_text(number: int) -> str:
    """OpenSSL's words for what is wrong with a certificate."""
    return bytes(_ffi.string(_lib.X509_verify_cert_error_string(number))).decode()
