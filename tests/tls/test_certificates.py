"""The CA and its leaves, seen by OpenSSL."""

import ssl
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from memory_handshake import shake_hands

from stateward.clock import wall_ms
from stateward.tls import certificates, names
from stateward.tls.authority import Authority, CertificateProblem, ca_pem
from stateward.tls.contexts import GivenTls, PrivateTls, server_context

DAY_MS = 24 * 60 * 60 * 1000
HERE = names.known(["machine"])
SITE = HERE + names.parse(["ssm.example.test", "10.0.0.5", "*.buckets.test"])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tls"


def authority(folder, limits=None, now_ms=None):
    return Authority.open(folder, limits, now_ms or wall_ms())


def leaf_of(folder):
    return certificates.read_pair((folder / "server.pem").read_bytes()).certificate


def seen(folder, name, context=None):
    """What a client that trusts the folder's CA sees under a name."""
    return shake_hands(context or server_context(folder / "server.pem"), (folder / "ca.pem").read_bytes(), name)


# The CA


def test_the_ca_is_made_once_and_its_key_is_private(folder):
    now = wall_ms()
    made = authority(folder, now_ms=now)
    assert authority(folder, now_ms=now + 9 * 365 * DAY_MS).pem == made.pem
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "ca.pem").stat().st_mode) == 0o644
    assert b"PRIVATE" not in (folder / "ca.pem").read_bytes()
    ca = x509.load_pem_x509_certificate(made.pem)
    assert isinstance(ca.public_key(), ec.EllipticCurvePublicKey)
    assert ca.public_key().curve.name == "secp256r1"
    life = ca.not_valid_after_utc - certificates.instant(now)
    assert timedelta(days=3650) <= life <= timedelta(days=3653)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_ca_without_names_is_limited_to_none(folder):
    ca = x509.load_pem_x509_certificate(authority(folder).pem)
    with pytest.raises(x509.ExtensionNotFound):
        ca.extensions.get_extension_for_class(x509.NameConstraints)


def test_a_lost_ca_file_is_written_again(folder):
    made = authority(folder).pem
    (folder / "ca.pem").unlink()
    assert authority(folder).pem == made == (folder / "ca.pem").read_bytes()


def test_a_lost_ca_key_is_said_and_nothing_takes_its_place(folder):
    authority(folder)
    (folder / "ca.key").unlink()
    with pytest.raises(CertificateProblem) as caught:
        authority(folder)
    assert str(caught.value) == (
        f"{folder}/ca.key is missing: put it back from its backup, or remove {folder}/ca.pem as well for a new CA, "
        "which every node must then be told to trust"
    )


def test_a_damaged_ca_is_said(folder):
    authority(folder)
    (folder / "ca.key").write_text("no key at all")
    with pytest.raises(CertificateProblem, match=f"{folder}/ca.key: the CA cannot be read or written"):
        authority(folder)


def test_an_ended_ca_is_said(folder):
    authority(folder)
    with pytest.raises(CertificateProblem, match=r"the CA ended on 20.*; remove the folder for a new one"):
        authority(folder, now_ms=wall_ms() + 3653 * DAY_MS)


def test_a_folder_without_ca_is_said(tmp_path):
    with pytest.raises(CertificateProblem, match="the first `stateward serve` with TLS makes it"):
        ca_pem(tmp_path)


# Leaves


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "machine", "ssm.example.test", "10.0.0.5"])
@pytest.mark.parametrize("limits", [None, SITE], ids=["any name", "limited"])
def test_clients_that_trust_the_ca_accept_every_name(folder, limits, name):
    authority(folder, limits).renew(SITE, wall_ms())
    assert seen(folder, name)


def test_a_wildcard_is_for_one_label(folder):
    authority(folder, SITE).renew(SITE, wall_ms())
    assert seen(folder, "one.buckets.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        seen(folder, "one.two.buckets.test")


def test_no_client_accepts_another_name(folder):
    authority(folder).renew(HERE, wall_ms())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        seen(folder, "ssm.example.test")


@pytest.mark.parametrize("name", ["bank.test", "example.test", "10.0.0.6"])
def test_constraints_hold_even_against_the_keys_owner(folder, name):
    made = authority(folder, SITE)
    made.renew(names.parse([name]), wall_ms())
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        seen(folder, name)
    assert made.outside(SITE + names.parse([name])) == names.parse([name])


def test_a_domain_below_a_permitted_one_is_permitted(folder):
    made = authority(folder, SITE)
    below = names.parse(["eu.ssm.example.test", "a.buckets.test"])
    assert made.outside(below) == names.parse([])
    made.renew(SITE + below, wall_ms())
    assert seen(folder, "eu.ssm.example.test")


def test_a_leaf_lives_ninety_days_and_is_kept_for_sixty(folder):
    now = wall_ms()
    made = authority(folder)
    assert made.renew(HERE, now)
    first = leaf_of(folder)
    assert first.not_valid_after_utc == certificates.instant(now) + timedelta(days=90)
    assert stat.S_IMODE((folder / "server.pem").stat().st_mode) == 0o600
    assert not made.renew(HERE, now + 60 * DAY_MS - 2_000)
    assert made.renew(HERE, now + 60 * DAY_MS)
    assert leaf_of(folder).not_valid_after_utc == first.not_valid_after_utc + timedelta(days=60)


def test_other_names_renew_the_leaf_and_not_the_ca(folder):
    before = authority(folder)
    before.renew(HERE, wall_ms())
    assert not before.renew(HERE, wall_ms())
    after = authority(folder)
    assert after.renew(SITE, wall_ms())
    assert after.pem == before.pem
    assert seen(folder, "ssm.example.test")


def test_the_leaf_of_another_ca_is_renewed(folder, tmp_path):
    other = authority(tmp_path / "other")
    other.renew(HERE, wall_ms())
    made = authority(folder)
    (folder / "server.pem").write_bytes(other.server_file.read_bytes())
    assert made.renew(HERE, wall_ms())
    assert seen(folder, "localhost")


def test_a_damaged_leaf_is_renewed(folder):
    made = authority(folder)
    made.renew(HERE, wall_ms())
    (folder / "server.pem").write_text("half a fi")
    assert made.renew(HERE, wall_ms())
    assert seen(folder, "localhost")


def test_a_leaf_ends_with_its_ca_and_is_not_renewed_for_ever(folder):
    made = authority(folder)
    late = wall_ms() + 3652 * DAY_MS - 10 * DAY_MS
    assert made.renew(HERE, late)
    assert leaf_of(folder).not_valid_after_utc == x509.load_pem_x509_certificate(made.pem).not_valid_after_utc
    assert not made.renew(HERE, late + DAY_MS)


def test_old_protocols_are_refused(folder):
    authority(folder).renew(HERE, wall_ms())
    assert server_context(folder / "server.pem").minimum_version == ssl.TLSVersion.TLSv1_2


# While the server runs


def test_new_connections_see_the_renewed_leaf(folder):
    now = wall_ms()
    tls = PrivateTls(authority(folder), HERE, now)
    first = seen(folder, "localhost", tls.context)
    assert not tls.refresh(now + 59 * DAY_MS)
    assert tls.refresh(now + 61 * DAY_MS)
    # No client of today verifies it: its first day is still to come.
    assert leaf_of(folder).public_bytes(serialization.Encoding.DER) != first


@pytest.fixture
def given(folder, tmp_path):
    """A certificate and its key in two files, as others make them; `.write(names)` replaces both."""

    class Given:
        certificate, key = tmp_path / "given.crt", tmp_path / "given.key"
        authority = Authority.open(folder, None, wall_ms())

        def write(self, *texts):
            self.authority.renew(names.parse(texts), wall_ms())
            pem = (folder / "server.pem").read_text()
            key, _, rest = pem.partition("-----BEGIN CERTIFICATE")
            self.key.write_text(key)
            self.certificate.write_text("-----BEGIN CERTIFICATE" + rest)

    found = Given()
    found.write("one.test")
    return found


def test_a_given_certificate_is_read_again_when_it_changes(folder, given):
    tls = GivenTls(given.certificate, given.key)
    assert tls.names == names.parse(["one.test"])
    assert seen(folder, "one.test", tls.context)
    assert not tls.refresh(wall_ms())
    given.write("two.test")
    assert tls.refresh(wall_ms())
    assert seen(folder, "two.test", tls.context)
    assert tls.names == names.parse(["two.test"])


def test_half_a_change_leaves_the_old_certificate_in_place(folder, given):
    tls = GivenTls(given.certificate, given.key)
    old_key = given.key.read_text()
    given.write("two.test")
    new_key = given.key.read_text()
    given.key.write_text(old_key)
    assert not tls.refresh(wall_ms())
    assert seen(folder, "one.test", tls.context)
    given.key.write_text(new_key)
    assert tls.refresh(wall_ms())
    assert seen(folder, "two.test", tls.context)


def test_a_removed_certificate_leaves_the_old_one_in_place(folder, given):
    tls = GivenTls(given.certificate, given.key)
    given.certificate.unlink()
    assert not tls.refresh(wall_ms())
    assert seen(folder, "one.test", tls.context)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param("nothing", "cannot be used", id="no certificate"),
    ],
)
def test_a_given_certificate_that_cannot_be_used(given, content, reason):
    given.certificate.unlink()
    if content is not None:
        given.certificate.write_text(content)
    with pytest.raises(CertificateProblem, match=reason):
        GivenTls(given.certificate, given.key)


def test_an_encrypted_key_does_not_ask_on_the_terminal(given):
    key = serialization.load_pem_private_key(given.key.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    given.key.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"word")))
    with pytest.raises(CertificateProblem, match="the key is encrypted; give one that is not, mode 0600"):
        GivenTls(given.certificate, given.key)
