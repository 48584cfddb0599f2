"""A certificate chain of our own making: enough to show that a file is unchanged, and that one machine made several.

Nobody vouches for it, so to strangers its signer is unknown. It is made once and kept. The root's key is thrown away
at once: nobody, not even we, can ever issue another certificate under it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from publishers import disk
from publishers.certificate import Identity, identity
from publishers.errors import PublisherError
from publishers.secret import read_secret

FOLDER = "credentials"
"""In the state directory."""
CHAIN, ROOT, KEY = "certificate.pem", "root.pem", "key.pem"
NAME = "lipsyncd (self-made certificate)"

_BEGINS, _ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)
"""The same for everybody: a clock that was wrong on the first day spoils nothing, and tells nothing."""


def own(state: Path) -> Identity:
    """Return our own chain and key; they are made the first time, once, however many processes ask at once.

    Args:
        state: The service's directory.

    Raises:
        PublisherError: What is there is damaged, or may be read by others.
        OSError: It cannot be written.
    """
    folder = state / FOLDER
    if not folder.exists():
        _make(folder)
    try:
        chain = (folder / CHAIN).read_text(encoding="ascii")
        key = read_secret(str(folder / KEY), "")
    except (OSError, UnicodeDecodeError):
        raise _damaged() from None
    if key is None:
        raise _damaged()
    return identity(chain, key, CHAIN, self_made=True)


def _damaged() -> PublisherError:
    return PublisherError(
        f"our own certificate is damaged: {CHAIN} cannot be read",
        f"Restore the folder {FOLDER!r} in the state directory, or remove it: then another signer is made.",
    )


def _make(folder: Path) -> None:
    """Make the folder, whole or not at all: several processes may try, and one rename wins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{FOLDER}.", dir=folder.parent))
    try:
        chain, root, key = _chain()
        for name, text, mode in ((CHAIN, chain, 0o644), (ROOT, root, 0o644), (KEY, key, 0o600)):
            handle = os.open(beside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        beside.chmod(0o755)
        disk.flush_folder(beside)
        beside.rename(folder)
        disk.flush_folder(folder.parent)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        if not folder.exists():  # else somebody was faster
            raise


def _chain() -> tuple[bytes, bytes, bytes]:
    """Return the chain, its root alone, and the leaf's key, all in PEM."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = _certificate("root", root_key, authority, [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signing=False), True),
    ]).sign(root_key, hashes.SHA256())  # fmt: skip
    leaf = _certificate("content", leaf_key, authority, [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signing=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
    ]).sign(root_key, hashes.SHA256())  # fmt: skip
    above = root.public_bytes(Encoding.PEM)
    key = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return leaf.public_bytes(Encoding.PEM) + above, above, key


def _certificate(
    role: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.SubjectKeyIdentifier,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(role))
        .issuer_name(_name("root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGINS)
        .not_valid_after(_ENDS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _name(role: str) -> x509.Name:
    """Name nobody: whose machine it is concerns nobody."""
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, NAME),
        x509.NameAttribute(NameOID.COMMON_NAME, f"lipsyncd {role}"),
    ])  # fmt: skip


def _usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signing,
        crl_sign=not signing,
        encipher_only=False,
        decipher_only=False,
    )
