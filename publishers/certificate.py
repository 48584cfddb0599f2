"""Who signs: a certificate chain of our own making, or the one a person brings. The only owner of `cryptography`.

A chain has to be as the C2PA specification wants it (section "X.509 Certificates", there "Certificate Profile"): the
leaf first, signed by another certificate, for digital signatures, with one of a few purposes, and valid today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from publishers.errors import PublisherError
from publishers.secret import Secret, read_secret

CREDENTIAL = "c2pa-key"
"""Name of the systemd credential that may hold the person's key."""
PURPOSES = ("1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1")
"""What a leaf may be for: e-mail protection, document signing, C2PA's own purpose for claims."""

_LARGEST = 1 << 20
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_LEAST_RSA = 2048
_ASK = "Ask whoever issued it for a certificate for signing content (C2PA), or leave credentials.certificate empty."


@dataclass(frozen=True, repr=False)
class Identity:
    """A chain and its key, checked: with this one can sign.

    Attributes:
        chain: PEM, the leaf first.
        key: PEM, PKCS 8.
        algorithm: As C2PA calls it: "es256", "ps256", "ed25519", …
        issuer: Whom the leaf names.
        fingerprint: sha256 of the leaf (DER), lower-case hex.
        ends: When the chain is no longer valid.
        self_made: Nobody but ourselves vouches for it.
    """

    chain: str
    key: Secret
    algorithm: str
    issuer: str
    fingerprint: str
    ends: datetime
    self_made: bool


def identity(chain: str, key: Secret, called: str, *, self_made: bool = False, now: datetime | None = None) -> Identity:
    """Return chain and key once everything about them is right.

    Args:
        chain: PEM.
        key: PEM, unencrypted.
        called: The certificate's file name, for messages.
        self_made: See ``Identity``.
        now: For tests; UTC.

    Raises:
        PublisherError: Something is not, and what to do.
    """
    certificates = _certificates(chain, called)
    private = _private(key)
    leaf = certificates[0]
    _check_match(certificates, private, called)
    _check_leaf(leaf, called)
    _check_order(certificates, called)
    _check_time(certificates, now or datetime.now(UTC), called)
    return Identity(
        chain="".join(_pem(one) for one in certificates),
        key=Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()),
        algorithm=_algorithm(private, called),
        issuer=issuer(leaf),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        ends=min(one.not_valid_after_utc for one in certificates),
        self_made=self_made,
    )


def brought(certificate: str, key: str) -> Identity:
    """Return the person's own chain and key.

    Args:
        certificate: Path of the PEM file of the chain.
        key: Path of the key's 0600 file; "" for the systemd credential ``c2pa-key``.

    Raises:
        PublisherError: A file is missing or not right, and what to do.
    """
    file = Path(certificate).expanduser()
    secret = read_secret(key, CREDENTIAL)
    if secret is None:
        raise PublisherError(
            f"there is a certificate, {file.name!r}, and no key for it",
            f"Name the key's file in credentials.key, or hand it over as the systemd credential {CREDENTIAL!r}.",
        )
    try:
        with file.open("rb") as opened:
            chain = opened.read(_LARGEST).decode("ascii")
    except OSError as error:
        reason = error.strerror or str(error)
        raise PublisherError(f"the certificate {file.name!r} cannot be read ({reason})", "Is its path right?") from None
    except UnicodeDecodeError:
        raise PublisherError(f"the certificate {file.name!r} is not PEM", "Convert it to PEM.") from None
    return identity(chain, secret, file.name)


def issuer(leaf: x509.Certificate) -> str:
    """Return whom a certificate names: the organisation, else the common name."""
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        if found := leaf.subject.get_attributes_for_oid(kind):
            return str(found[0].value)
    return leaf.subject.rfc4514_string()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _certificates(chain: str, called: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise PublisherError(f"{called!r} holds no certificate that can be read", "It should be a PEM file.") from None


def _private(key: Secret) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key.reveal().encode(), password=None)
    except TypeError:
        raise PublisherError("the key is locked with a password", "Give one without: a service cannot type.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise PublisherError(
            "the key cannot be read", "It should be a PEM file: -----BEGIN PRIVATE KEY-----."
        ) from None


def _algorithm(key: PrivateKeyTypes, called: str) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise PublisherError(
        f"the key of {called!r} is of a kind that content credentials do not know",
        "They know P-256, P-384, P-521, Ed25519, and RSA of 2048 bits or more.",
    )


def _same(one: PublicKeyTypes, other: PublicKeyTypes) -> bool:
    def form(key: PublicKeyTypes) -> bytes:
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    return form(one) == form(other)


def _check_match(certificates: Sequence[x509.Certificate], key: PrivateKeyTypes, called: str) -> None:
    fitting = [_same(one.public_key(), key.public_key()) for one in certificates]
    if not any(fitting):
        raise PublisherError(
            f"the key does not belong to the certificate {called!r}", "Give the two that were made together."
        )
    if not fitting[0]:
        raise PublisherError(
            f"{called!r} is in the wrong order", "The certificate of the key comes first, its issuer next."
        )


def _check_leaf(leaf: x509.Certificate, called: str) -> None:
    """Check what the certificate may be used for."""
    if leaf.issuer == leaf.subject:
        raise PublisherError(f"{called!r} signs itself; content credentials do not allow that", _ASK)
    try:
        may_issue = _extension(leaf, x509.BasicConstraints)
        usage = _extension(leaf, x509.KeyUsage)
        purposes = _extension(leaf, x509.ExtendedKeyUsage)
    except ValueError:
        raise PublisherError(f"{called!r} is damaged", _ASK) from None
    if may_issue is not None and may_issue.ca:
        raise PublisherError(f"{called!r} is a certificate for issuing others, not for signing content", _ASK)
    if usage is None or not usage.digital_signature:
        raise PublisherError(f"{called!r} is not for digital signatures", _ASK)
    allowed = [ObjectIdentifier(purpose) for purpose in PURPOSES]
    if purposes is None or not any(purpose in allowed for purpose in purposes):
        raise PublisherError(
            f"{called!r} is for another purpose than signing content",
            f"Its extended key usage should be one of {', '.join(PURPOSES)}.",
        )


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _check_order(certificates: Sequence[x509.Certificate], called: str) -> None:
    for lower, upper in pairwise(certificates):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            raise PublisherError(
                f"the certificates in {called!r} are not in order: one is not issued by the next",
                "The certificate of the key comes first, then its issuer, then the issuer's issuer.",
            ) from None


def _check_time(certificates: Sequence[x509.Certificate], now: datetime, called: str) -> None:
    for one in certificates:
        if now > one.not_valid_after_utc:
            raise PublisherError(
                f"the certificate {called!r} has expired ({one.not_valid_after_utc:%Y-%m-%d})", "Get a new one."
            )
        if now < one.not_valid_before_utc:
            raise PublisherError(
                f"the certificate {called!r} is not valid before {one.not_valid_before_utc:%Y-%m-%d}",
                f"Here it is {now:%Y-%m-%d}: is the clock right?",
            )
