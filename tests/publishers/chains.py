"""Certificate chains for tests: right ones, and ones that are wrong in one way each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

MAIL = "1.3.6.1.5.5.7.3.4"
KINDS = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
}


@dataclass(frozen=True)
class Leaf:
    """What a leaf is like; as it stands, right."""

    kind: str = "es256"
    purposes: tuple[str, ...] = (MAIL,)
    issues: bool = False
    signs: bool = True
    begins: timedelta = timedelta(days=-10)
    ends: timedelta = timedelta(days=10)
    name: str = "周报社 Example Press"
    ocsp: str = ""


@dataclass(frozen=True)
class Chain:
    """A chain with an intermediate, as it comes from an authority; all in PEM."""

    leaf: bytes
    middle: bytes
    root: bytes
    key: bytes
    fingerprint: str

    def files(self, folder: Path, chain: bytes | None = None, key: bytes | None = None) -> tuple[str, str]:
        """Write certificate and key, and give their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, secret = folder / "press.pem", folder / "press.key"
        certificate.write_bytes(self.leaf + self.middle if chain is None else chain)
        secret.write_bytes(self.key if key is None else key)
        secret.chmod(0o600)
        return str(certificate), str(secret)


def chain(leaf: Leaf = Leaf()) -> Chain:
    """Make a chain; only its leaf may be wrong."""
    root_key, middle_key, key = KINDS["es384"](), KINDS["es256"](), KINDS[leaf.kind]()
    root = _signed("Example Root", "Example Root", root_key.public_key(), root_key, Leaf(issues=True, signs=False))
    middle = _signed("Example CA", "Example Root", middle_key.public_key(), root_key, Leaf(issues=True, signs=False))
    end = _signed(leaf.name, "Example CA", key.public_key(), middle_key, leaf)
    return Chain(_pem(end), _pem(middle), _pem(root), locked(key), end.fingerprint(hashes.SHA256()).hex())


def self_signed() -> tuple[bytes, bytes]:
    """Make a leaf that nobody but itself signed, and its key."""
    key = KINDS["es256"]()
    return _pem(_signed("Alone", "Alone", key.public_key(), key, Leaf())), locked(key)


def locked(key: CertificateIssuerPrivateKeyTypes, password: str = "") -> bytes:
    """Give a key in PEM, locked with a password if there is one."""
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _signed(
    name: str, issuer: str, public: object, key: CertificateIssuerPrivateKeyTypes, like: Leaf
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + like.begins)
        .not_valid_after(now + like.ends)
        .add_extension(x509.BasicConstraints(ca=like.issues, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=like.signs, key_cert_sign=like.issues, crl_sign=like.issues, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(authority, critical=False)
    )
    if like.purposes and (like.signs or not like.issues):
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(p) for p in like.purposes]), False)
    if like.ocsp:
        place = x509.AccessDescription(
            x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(like.ocsp)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )
