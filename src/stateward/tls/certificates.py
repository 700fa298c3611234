"""Making certificates: a private CA, and leaves that it signs. No files, no clock (design 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stateward.tls.names import Names

CA_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=90)
RENEWED_BEFORE = timedelta(days=30)
CLOCKS_DIFFER = timedelta(hours=1)
"""A node's clock may be behind the server's: a new certificate has been valid for this long."""

ORGANIZATION = "Stateward"


class Pair(msgspec.Struct, frozen=True):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """Both, the key first: one file that is whole or is not there."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.key.private_bytes(*form) + certificate_pem(self.certificate)


def instant(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def read_pair(pem: bytes) -> Pair:
    """What Pair.pem wrote. Raises ValueError."""
    key = serialization.load_pem_private_key(pem, None)
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key is not that of the certificate")
    return Pair(certificate, key)


def make_ca(now_ms: int, limits: Names | None) -> Pair:
    """A CA for ten years, which with `limits` can sign for these names and addresses only."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # Two servers' authorities can stand in one system's store: their names differ.
    subject = _name(f"Stateward CA {serial:040x}"[:21])
    now = instant(now_ms)
    builder = _builder(subject, subject, key, now, now + CA_LIFE, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    if limits is not None:
        builder = builder.add_extension(_constraints(limits), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_leaf(now_ms: int, ca: Pair, names: Names) -> Pair:
    """A server's certificate for ninety days, never longer than its CA's life."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = instant(now_ms)
    until = min(now + LEAF_LIFE, ca.certificate.not_valid_after_utc)
    # The CA's name tells which one it is; names stand in the alternative name alone, where constraints look at them.
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)])
    builder = _builder(subject, ca.certificate.subject, key, now, until, x509.random_serial_number())
    authority = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), False),
        (x509.SubjectAlternativeName(_alternatives(names)), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return Pair(builder.sign(ca.key, hashes.SHA256()), key)


def needs_renewal(leaf: x509.Certificate, ca: x509.Certificate, names: Names, now_ms: int) -> bool:
    """Whether a leaf ends within thirty days, is for other names, or of another CA."""
    now = instant(now_ms)
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return True
    ends_soon = leaf.not_valid_after_utc - now <= RENEWED_BEFORE
    # At the end of the CA a new leaf would end as soon.
    can_be_longer = leaf.not_valid_after_utc < ca.not_valid_after_utc
    return (ends_soon and can_be_longer) or leaf.not_valid_before_utc > now or names_in(leaf) != names


def names_in(certificate: x509.Certificate) -> Names:
    """The names and addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names((), ())
    addresses = found.get_values_for_type(x509.IPAddress)
    return Names(tuple(found.get_values_for_type(x509.DNSName)), ()) + Names((), tuple(addresses))  # type: ignore[arg-type]


def outside(ca: x509.Certificate, names: Names) -> Names:
    """Those of the names that the CA's constraints do not let it sign for."""
    try:
        limits = ca.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    except x509.ExtensionNotFound:
        return Names((), ())
    domains = [one.value for one in limits if isinstance(one, x509.DNSName)]
    networks = [one.value for one in limits if isinstance(one, x509.IPAddress)]
    dns = tuple(name for name in names.dns if not any(_within(name, domain) for domain in domains))
    addresses = tuple(one for one in names.addresses if not any(one in network for network in networks))  # type: ignore[operator]
    return Names(dns, addresses)


def _within(name: str, domain: str) -> bool:
    plain = name.removeprefix("*.")
    return plain == domain or plain.endswith(f".{domain}")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Names) -> list[x509.GeneralName]:
    return [*map(x509.DNSName, names.dns), *map(x509.IPAddress, names.addresses)]


def _constraints(names: Names) -> x509.NameConstraints:
    domains = sorted({name.removeprefix("*.") for name in names.dns})
    networks = [ip_network(address) for address in names.addresses]
    return x509.NameConstraints([*map(x509.DNSName, domains), *map(x509.IPAddress, networks)], None)
