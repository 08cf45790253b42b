"""Our server asked by eapol_test, by the methods on TLS: EAP-TLS, EAP-TTLS and PEAP, with TLS 1.2 and 1.3."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.tls.pki import NOW, PKI
from trioradius import AccessAccept, AccessRequest, App
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPTLS, EAPTTLS, PEAP, EAPMSCHAPv2, Identity
from trioradius.eap.method import MethodSettings

from .eapol import SECRET, EapolTest, Run
from .serving import serving

VERSIONS: Final = ("1.2", "1.3")
INNER: Final = (
    "auth=PAP",
    "auth=CHAP",
    "auth=MSCHAP",
    "auth=MSCHAPV2",
    "autheap=MSCHAPV2",
    "autheap=GTC",
    "autheap=MD5",
)
NAMES: Final = {"MSCHAP": "MS-CHAP", "MSCHAPV2": "MS-CHAPv2"}

Network = Mapping[str, str]


class Server:
    """An app with these methods, whom it has let in, and why it has refused others."""

    def __init__(self, *methods: MethodSettings, **options: Any) -> None:
        self.app: App[None] = App({"127.0.0.1": SECRET}, reject_delay=0)
        self.eap = EAP(methods, **options)
        self.let_in: list[Identity] = []

        @self.app.on(AccessRequest)
        async def authenticate(request: AccessRequest) -> AccessAccept:
            self.let_in.append(await self.eap.authenticate(request, {"alice": "wonderland"}.get))
            return request.accept()

    @property
    def names(self) -> list[tuple[str, str, str, bool]]:
        """User, method, inner method, and whether a session was resumed."""
        return [(found.user, found.method, found.inner_method, found.resumed) for found in self.let_in]


async def ask(eapol_test: EapolTest, server: Server, network: Network, *options: str) -> Run:
    async with serving(server.app) as [address]:
        return await eapol_test(address, network, *options)


def phase1(version: str, more: str = "") -> str:
    return f'"tls_disable_tlsv1_3={int(version == "1.2")} {more}"'


def by_certificate(pki: PKI, stem: str = "client", version: str = "1.3", **more: str) -> Network:
    """A network of EAP-TLS that shows this certificate."""
    folder = pki.folder
    return {
        "eap": "TLS",
        "identity": '"nas.example.org"',
        "ca_cert": f'"{folder}/ca.pem"',
        "client_cert": f'"{folder}/{stem}.pem"',
        "private_key": f'"{folder}/{stem}.key"',
        "phase1": phase1(version),
        **more,
    }


def by_password(pki: PKI, eap: str, inner: str, version: str = "1.3", binding: str = "", **more: str) -> Network:
    """A network of a tunnelled method for alice."""
    return {
        "eap": eap,
        "identity": '"alice"',
        "anonymous_identity": '"anonymous"',
        "password": '"wonderland"',
        "ca_cert": f'"{pki.folder}/ca.pem"',
        "phase1": phase1(version, binding),
        "phase2": f'"{inner}"',
        **more,
    }


def refused(run: Run, server: Server) -> bool:
    return not run.succeeded and not server.let_in and "code=2 (Access-Accept)" not in run.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [100, 1_015])
async def test_eap_tls(eapol_test: EapolTest, pki: PKI, version: str, size: int) -> None:
    """With small fragments in both directions, too; the keys fit."""
    server = Server(EAPTLS(pki.settings("server")), fragment_size=size)
    run = await ask(eapol_test, server, by_certificate(pki, version=version, fragment_size=str(size)))
    assert run.succeeded and run.keys == (1, 0), run.text
    assert server.names == [("nas.example.org", "EAP-TLS", "", False)]
    assert server.let_in[0].tls_version == f"TLSv{version}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("eap", ["TLS", "TTLS", "PEAP"])
async def test_eap_key_name_is_the_session_id_of_the_peer(
    eapol_test: EapolTest, pki: PKI, version: str, eap: str
) -> None:
    """RFC 5247 and RFC 9190 section 2.3; eapol_test asks for it with -e, and prints what it has derived itself."""
    settings = pki.settings("server")
    server = Server(EAPTLS(settings), EAPTTLS(settings), PEAP(settings))
    tunnel = by_password(pki, eap, "auth=MSCHAPV2", version)
    run = await ask(eapol_test, server, by_certificate(pki, version=version) if eap == "TLS" else tunnel, "-e")
    derived = re.search(r"Derived Session-Id - hexdump\(len=65\): ([0-9a-f ]+)", run.text)
    accepted = run.text.partition("code=2 (Access-Accept)")[2]
    assert derived is not None
    assert f"Value: {derived[1].replace(' ', '')}\n" in accepted


@pytest.mark.parametrize("version", VERSIONS)
async def test_eap_tls_resumes(eapol_test: EapolTest, pki: PKI, version: str) -> None:
    """wpa_supplicant goes by session id with TLS 1.2, and by ticket with 1.3."""
    server = Server(EAPTLS(pki.settings("server")))
    run = await ask(eapol_test, server, by_certificate(pki, version=version), "-r2")
    assert run.succeeded and run.keys == (3, 0), run.text
    assert [found.resumed for found in server.let_in] == [False, True, True]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stem", ["expired", "revoked", "stranger", "selfsigned"])
async def test_certificates_of_users_that_are_refused(eapol_test: EapolTest, pki: PKI, version: str, stem: str) -> None:
    """The peer is told by an alert why, and then by EAP-Failure that (RFC 5216 section 2.1.3)."""
    server = Server(EAPTLS(pki.settings("server", crl=pki.folder / "crl.pem")))
    run = await ask(eapol_test, server, by_certificate(pki, stem, version))
    assert refused(run, server) and run.rejected, run.text
    assert "SSL3 alert: read (remote end reported an error):fatal" in run.text


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_server_that_the_peer_does_not_trust(eapol_test: EapolTest, pki: PKI, version: str) -> None:
    stranger = f'"{pki.folder}/stranger.pem"'
    for method, network in (
        (EAPTLS(pki.settings("server")), by_certificate(pki, version=version, ca_cert=stranger)),
        (PEAP(pki.settings("server")), by_password(pki, "PEAP", "auth=MSCHAPV2", version, ca_cert=stranger)),
    ):
        server = Server(method)
        run = await ask(eapol_test, server, network)
        assert refused(run, server) and run.rejected, run.text
        assert "unknown CA" in run.text


async def test_a_server_of_another_name(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(PEAP(pki.settings("server")))
    network = by_password(pki, "PEAP", "auth=MSCHAPV2", domain_match='"radius.example.org"')
    assert refused(await ask(eapol_test, server, network), server)
    network = by_password(pki, "PEAP", "auth=MSCHAPV2", domain_match='"localhost"')
    assert (await ask(eapol_test, server, network)).succeeded


async def test_the_identity_may_have_to_match_the_certificate(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(EAPTLS(pki.settings("server"), match_identity=True))
    assert refused(await ask(eapol_test, server, by_certificate(pki, identity='"mallory"')), server)
    assert (await ask(eapol_test, server, by_certificate(pki))).succeeded


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("inner", INNER)
async def test_ttls(eapol_test: EapolTest, pki: PKI, version: str, inner: str) -> None:
    kind, _, name = inner.partition("=")
    expected = NAMES.get(name, name) if kind == "auth" else {"MSCHAPV2": "MSCHAPv2"}.get(name, name)
    server = Server(EAPTTLS(pki.settings("server")))
    run = await ask(eapol_test, server, by_password(pki, "TTLS", inner, version))
    assert run.succeeded and run.keys == (1, 0), run.text
    assert server.names == [("alice", "EAP-TTLS", expected, False)]
    assert server.let_in[0].outer == "anonymous"


@pytest.mark.parametrize("inner", INNER)
async def test_a_wrong_password_in_ttls(eapol_test: EapolTest, pki: PKI, inner: str) -> None:
    server = Server(EAPTTLS(pki.settings("server")))
    run = await ask(eapol_test, server, by_password(pki, "TTLS", inner, password='"wonderlamp"'))
    assert refused(run, server) and run.rejected, run.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("inner", ["MSCHAPV2", "GTC", "MD5"])
@pytest.mark.parametrize("binding", [0, 1, 2])
async def test_peap(eapol_test: EapolTest, pki: PKI, version: str, inner: str, binding: int) -> None:
    """With a peer that knows no crypto-binding, that may use it, and that insists on it."""
    server = Server(PEAP(pki.settings("server"), EAPMSCHAPv2(), EAPGTC(), EAPMD5()))
    network = by_password(pki, "PEAP", f"auth={inner}", version, f"crypto_binding={binding}")
    run = await ask(eapol_test, server, network)
    assert run.succeeded and run.keys == (1, 0), run.text
    assert server.names == [("alice", "PEAP", "MSCHAPv2" if inner == "MSCHAPV2" else inner, False)]
    assert ("Valid cryptobinding TLV received" in run.text) is (binding > 0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("inner", ["MSCHAPV2", "GTC"])
async def test_a_wrong_password_in_peap(eapol_test: EapolTest, pki: PKI, version: str, inner: str) -> None:
    server = Server(PEAP(pki.settings("server")))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", f"auth={inner}", version, password='"wonderlamp"'))
    assert refused(run, server) and run.rejected, run.text


async def test_crypto_binding_may_be_required(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(PEAP(pki.settings("server"), crypto_binding="required"))
    network = by_password(pki, "PEAP", "auth=MSCHAPV2", binding="crypto_binding=0")
    assert refused(await ask(eapol_test, server, network), server)
    network = by_password(pki, "PEAP", "auth=MSCHAPV2", binding="crypto_binding=2")
    assert (await ask(eapol_test, server, network)).keys == (1, 0)


async def test_crypto_binding_may_be_left_out(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(PEAP(pki.settings("server"), crypto_binding="none"))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", "auth=MSCHAPV2"))
    assert run.succeeded and run.keys == (1, 0) and "cryptobinding TLV received" not in run.text
    network = by_password(pki, "PEAP", "auth=MSCHAPV2", binding="crypto_binding=2")
    assert not (await ask(eapol_test, server, network)).succeeded


@pytest.mark.parametrize("version", VERSIONS)
async def test_eap_tls_within_peap(eapol_test: EapolTest, pki: PKI, version: str) -> None:
    settings, folder = pki.settings("server"), pki.folder
    second = {
        "ca_cert2": f'"{folder}/ca.pem"',
        "client_cert2": f'"{folder}/client.pem"',
        "private_key2": f'"{folder}/client.key"',
    }
    server = Server(PEAP(settings, EAPTLS(settings)))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", "auth=TLS", version, "crypto_binding=2", **second))
    assert run.succeeded and run.keys == (1, 0), run.text
    assert server.names == [("nas.example.org", "PEAP", "EAP-TLS", False)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("eap", "inner"), [("TTLS", "auth=MSCHAPV2"), ("TTLS", "autheap=GTC"), ("PEAP", "auth=GTC")])
async def test_small_fragments_in_tunnels(eapol_test: EapolTest, pki: PKI, version: str, eap: str, inner: str) -> None:
    settings = pki.settings("server")
    server = Server(PEAP(settings) if eap == "PEAP" else EAPTTLS(settings), fragment_size=100)
    run = await ask(eapol_test, server, by_password(pki, eap, inner, version, fragment_size="100"))
    assert run.succeeded and run.keys == (1, 0), run.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(
    ("eap", "inner", "binding"),
    [
        ("TTLS", "auth=PAP", ""),
        ("TTLS", "auth=MSCHAPV2", ""),
        ("TTLS", "autheap=MSCHAPV2", ""),
        ("PEAP", "auth=MSCHAPV2", "crypto_binding=0"),
        ("PEAP", "auth=MSCHAPV2", "crypto_binding=2"),
    ],
)
async def test_tunnels_resume(
    eapol_test: EapolTest, pki: PKI, version: str, wanted: bool, eap: str, inner: str, binding: str
) -> None:
    """A session stands for its user where that is wanted; else everything is proved anew."""
    settings = pki.settings("server")
    method = PEAP(settings, resumption=wanted) if eap == "PEAP" else EAPTTLS(settings, resumption=wanted)
    server = Server(method)
    run = await ask(eapol_test, server, by_password(pki, eap, inner, version, binding), "-r2")
    assert run.succeeded and run.keys == (3, 0), run.text
    assert [found.resumed for found in server.let_in] == [False, wanted, wanted]
    assert {found.user for found in server.let_in} == {"alice"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", ["optional", "required"])
@pytest.mark.parametrize("stem", ["", "client", "stranger"])
async def test_certificates_of_machines(
    eapol_test: EapolTest, pki: PKI, version: str, asked: Literal["optional", "required"], stem: str
) -> None:
    folder = pki.folder
    shown = {"client_cert": f'"{folder}/{stem}.pem"', "private_key": f'"{folder}/{stem}.key"'} if stem else {}
    server = Server(PEAP(pki.settings("server"), client_certificate=asked))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", "auth=MSCHAPV2", version, **shown))
    if stem == "stranger" or (asked == "required" and not stem):
        assert refused(run, server), run.text
        return
    assert run.succeeded and run.keys == (1, 0), run.text
    assert (server.let_in[0].certificate is not None) is bool(stem)
    assert server.let_in[0].user == "alice"


async def test_nak_to_another_method(eapol_test: EapolTest, pki: PKI) -> None:
    settings = pki.settings("server")
    server = Server(EAPTLS(settings), EAPTTLS(settings), PEAP(settings))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", "auth=MSCHAPV2"))
    assert run.succeeded and run.keys == (1, 0), run.text
    run = await ask(eapol_test, server, by_certificate(pki))
    assert run.succeeded and run.keys == (1, 0), run.text
    assert [found.method for found in server.let_in] == ["PEAP", "EAP-TLS"]


async def test_nak_within_a_tunnel(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(PEAP(pki.settings("server"), EAPMD5(), EAPMSCHAPv2()), EAPTTLS(pki.settings("server"), EAPMD5()))
    run = await ask(eapol_test, server, by_password(pki, "PEAP", "auth=MSCHAPV2"))
    assert run.succeeded, run.text
    run = await ask(eapol_test, server, by_password(pki, "TTLS", "autheap=GTC"))
    assert run.rejected
    assert [found.inner_method for found in server.let_in] == ["MSCHAPv2"]


async def test_tls_1_3_alone(eapol_test: EapolTest, pki: PKI) -> None:
    server = Server(EAPTLS(pki.settings("server", minimum_version="1.3")))
    assert refused(await ask(eapol_test, server, by_certificate(pki, version="1.2")), server)
    assert (await ask(eapol_test, server, by_certificate(pki))).succeeded


def ocsp_response(pki: PKI, file: pathlib.Path, status: ocsp.OCSPCertStatus) -> pathlib.Path:
    """What the authority says of the server's certificate today."""
    revoked = NOW - timedelta(hours=2) if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=pki.issued["server"].certificate,
        issuer=pki.authority.certificate,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=NOW - timedelta(hours=1),
        next_update=NOW + timedelta(days=1),
        revocation_time=revoked,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, pki.authority.certificate)
    response = builder.sign(pki.authority.key, hashes.SHA256())
    file.write_bytes(response.public_bytes(Encoding.DER))
    return file


@pytest.mark.parametrize("version", VERSIONS)
async def test_our_own_status_is_stapled(eapol_test: EapolTest, pki: PKI, tmp_path: pathlib.Path, version: str) -> None:
    """RFC 9190 section 5.4; ocsp=2 makes the peer insist on it."""
    network = by_certificate(pki, version=version, ocsp="2")
    cases: Sequence[tuple[ocsp.OCSPCertStatus | None, bool]] = (
        (ocsp.OCSPCertStatus.GOOD, True),
        (ocsp.OCSPCertStatus.REVOKED, False),
        (None, False),
    )
    for status, accepted in cases:
        stapled = ocsp_response(pki, tmp_path / "ocsp.der", status) if status is not None else None
        server = Server(EAPTLS(pki.settings("server", ocsp=stapled)))
        run = await ask(eapol_test, server, network)
        assert run.succeeded is accepted, run.text
        assert refused(run, server) is not accepted
