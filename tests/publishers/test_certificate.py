"""Who signs: the chain that is made, and what is said of a chain that is brought and is not right."""

from __future__ import annotations

import multiprocessing
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from publishers import PublisherError, selfmade
from publishers.certificate import PURPOSES, brought, identity
from publishers.secret import Secret
from tests.publishers.chains import KINDS, Chain, Leaf, chain, locked, self_signed


@pytest.fixture(scope="module")
def good() -> Chain:
    return chain()


def test_our_own_chain_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = selfmade.own(tmp_path / "state"), selfmade.own(tmp_path / "state")
    assert first.fingerprint == second.fingerprint
    assert first.algorithm == "es256"
    assert first.self_made
    folder = tmp_path / "state" / "credentials"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"certificate.pem": 0o644, "root.pem": 0o644, "key.pem": 0o600}
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["credentials"]
    assert "PRIVATE" not in repr(first)


def test_our_own_chain_is_as_the_specification_wants_it(tmp_path: Path) -> None:
    leaf, root = x509.load_pem_x509_certificates(selfmade.own(tmp_path).chain.encode())
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert [
        purpose.dotted_string for purpose in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    ] == [PURPOSES[0]]
    above = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == above
    assert leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest != above
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    leaf.verify_directly_issued_by(root)
    said = leaf.subject.rfc4514_string() + root.subject.rfc4514_string()
    assert os.uname().nodename not in said
    assert str(tmp_path) not in said


def _own(state: str) -> str:
    return selfmade.own(Path(state)).fingerprint


def test_many_processes_at_once_make_one(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_own, [str(tmp_path / "new" / "state")] * 8, chunksize=1)
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / "new" / "state").iterdir()] == ["credentials"]


def test_a_damaged_chain_of_ours_is_not_replaced_silently(tmp_path: Path) -> None:
    selfmade.own(tmp_path)
    (tmp_path / "credentials" / "certificate.pem").unlink()
    with pytest.raises(PublisherError, match="damaged"):
        selfmade.own(tmp_path)


def test_a_key_of_ours_that_others_may_read_is_refused(tmp_path: Path) -> None:
    selfmade.own(tmp_path)
    (tmp_path / "credentials" / "key.pem").chmod(0o644)
    with pytest.raises(PublisherError, match="read by others"):
        selfmade.own(tmp_path)


@pytest.mark.parametrize("kind", ["es256", "es384", "es512", "ps256", "ed25519"])
def test_chains_of_every_kind_are_taken(tmp_path: Path, kind: str) -> None:
    made = chain(Leaf(kind))
    found = brought(*made.files(tmp_path))
    assert found.algorithm == kind
    assert found.fingerprint == made.fingerprint
    assert found.issuer == "周报社 Example Press"
    assert not found.self_made


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (Leaf(ends=timedelta(days=-1)), "has expired"),
        (Leaf(begins=timedelta(days=1)), "is not valid before"),
        (Leaf(issues=True), "for issuing others"),
        (Leaf(signs=False), "not for digital signatures"),
        (Leaf(purposes=("1.3.6.1.5.5.7.3.1",)), "for another purpose"),
        (Leaf(purposes=()), "for another purpose"),
        (Leaf(kind="secp256k1"), "of a kind"),
        (Leaf(kind="rsa1024"), "of a kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_leaf_is_refused_in_words(tmp_path: Path, leaf: Leaf, said: str) -> None:
    with pytest.raises(PublisherError, match=said) as caught:
        brought(*chain(leaf).files(tmp_path))
    assert "press.pem" in caught.value.message
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.hint


def test_wrong_files_are_refused_in_words(tmp_path: Path, good: Chain) -> None:
    alone, key = self_signed()
    cases = [
        ((good.leaf + good.middle, chain().key), "does not belong"),
        ((good.middle + good.leaf, good.key), "wrong order"),
        ((good.leaf + good.root, good.key), "not in order"),
        ((alone, key), "signs itself"),
        ((b"", good.key), "no certificate"),
        ((b"\xff\xfe", good.key), "not PEM"),
        ((good.leaf, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "cannot be read"),
        ((good.leaf, locked(KINDS["es256"](), "open sesame")), "password"),
    ]
    for (certificate, secret), said in cases:
        with pytest.raises(PublisherError, match=said):
            brought(*good.files(tmp_path, certificate, secret))
    with pytest.raises(PublisherError, match=r"'none\.pem' cannot be read"):
        brought(str(tmp_path / "none.pem"), good.files(tmp_path)[1])


def test_the_key_may_be_a_credential_of_the_service(
    tmp_path: Path, good: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, _ = good.files(tmp_path)
    with pytest.raises(PublisherError, match="no key for it"):
        brought(certificate, "")
    (tmp_path / "c2pa-key").write_bytes(good.key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert brought(certificate, "").fingerprint == good.fingerprint


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, good: Chain) -> None:
    certificate, key = good.files(tmp_path)
    Path(key).chmod(0o640)
    with pytest.raises(PublisherError, match="read by others"):
        brought(certificate, key)


def test_no_key_is_ever_said(good: Chain) -> None:
    with pytest.raises(PublisherError) as caught:
        identity(good.leaf.decode(), Secret(chain().key.decode()), "press.pem")
    assert "PRIVATE" not in repr(caught.value)
