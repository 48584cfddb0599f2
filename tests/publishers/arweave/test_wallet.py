"""The wallet: what it takes, what it says of what it does not take, and what it never shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from publishers.arweave.signature import address_of, signed_by
from publishers.arweave.wallet import Wallet, read_wallet
from publishers.errors import PublisherError
from publishers.secret import Secret
from tests.publishers.arweave.keys import jwk_text, new_key

Jwk = dict[str, str]


@pytest.fixture(scope="session")
def small() -> RSAPrivateKey:
    return new_key(2048)


@pytest.fixture
def key_file(tmp_path: Path, key_text: str) -> Path:
    path = tmp_path / "wallet.json"
    path.write_text(key_text)
    path.chmod(0o600)
    return path


def test_a_key_file_signs_and_has_an_address(key_file: Path, key_text: str) -> None:
    wallet = read_wallet(str(key_file))
    assert wallet.owner == json.loads(key_text)["n"]
    assert wallet.address == address_of(wallet.owner)
    assert len(wallet.address) == 43
    signature = wallet.sign(b"message")
    assert signed_by(wallet.owner, b"message", signature)
    assert not signed_by(wallet.owner, b"massage", signature)
    assert wallet.sign(b"message") != signature


def test_systemd_may_hold_the_key(key_file: Path, monkeypatch: pytest.MonkeyPatch, wallet: Wallet) -> None:
    key_file.rename(key_file.with_name("arweave-wallet")).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(key_file.parent))
    assert read_wallet("").address == wallet.address


def test_other_spellings_of_the_key_have_the_same_address(key_text: str, wallet: Wallet) -> None:
    padded = {name: f"{value}==" if name != "kty" else value for name, value in json.loads(key_text).items()}
    assert Wallet(Secret(json.dumps(padded))).owner == wallet.owner


def test_nothing_shows_the_key(key_text: str, wallet: Wallet) -> None:
    shown = f"{wallet} {wallet!r} {[wallet]} {vars(wallet)}"
    assert wallet.address in shown
    for name, part in json.loads(key_text).items():
        if name in ("d", "p", "q", "dp", "dq", "qi"):
            assert part[:20] not in shown


def changed(**parts: str | int | None) -> Callable[[Jwk], object]:
    return lambda jwk: {name: part for name, part in {**jwk, **parts}.items() if part is not None}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda jwk: [jwk], "is not an RSA key"),
        (changed(kty="EC"), "is not an RSA key"),
        (changed(n=None), "is not an RSA key"),
        (changed(d=None), "holds only a public key"),
        (changed(d=None, p=None, q=None, dp=None, dq=None, qi=None), "holds only a public key"),
        (changed(q=None), "lacks a sound 'q'"),
        (changed(dp="%%"), "lacks a sound 'dp'"),
        (changed(dp=7), "lacks a sound 'dp'"),
        (changed(e="Aw"), "is an RSA key of 4096 bits with another exponent"),
        (changed(d="AQAB"), "do not fit together"),
        (changed(p="AQAB"), "do not fit together"),
        (changed(qi="AQAB"), "do not fit together"),
        (changed(dq="AQAB"), "do not fit together"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_no_wallet_says_what_it_is(change: Callable[[Jwk], object], wrong: str, key_text: str) -> None:
    jwk = json.loads(key_text)
    with pytest.raises(PublisherError, match=wrong) as caught:
        Wallet(Secret(json.dumps(change(jwk))))
    assert caught.value.hint
    assert not any(part[:20] in str(caught.value) for name, part in jwk.items() if len(part) > 20)


def test_a_key_of_another_size_is_refused(small: RSAPrivateKey) -> None:
    with pytest.raises(PublisherError, match="2048 bits"):
        Wallet(Secret(jwk_text(small)))


def test_what_is_no_json_is_not_repeated() -> None:
    with pytest.raises(PublisherError, match="is not JSON") as caught:
        Wallet(Secret("my secret words"))
    assert "secret words" not in str(caught.value)


def test_no_wallet_and_wrong_files_are_told_apart(key_file: Path, tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match="there is no Arweave wallet"):
        read_wallet("")
    with pytest.raises(PublisherError, match="cannot be read"):
        read_wallet(str(tmp_path / "other.json"))
    key_file.chmod(0o640)
    with pytest.raises(PublisherError, match="may be read by others"):
        read_wallet(str(key_file))


SIGNALS = """
import signal, sys
before = {number: signal.getsignal(number) for number in signal.valid_signals()}
import publishers.arweave.wallet, publishers.arweave.network
after = {number: signal.getsignal(number) for number in signal.valid_signals()}
assert before == after, {number.name: after[number] for number in after if before[number] != after[number]}
assert "arweave.transaction_uploader" not in sys.modules
"""


def test_importing_the_library_changes_no_signal_and_warns_of_nothing() -> None:
    ran = subprocess.run([sys.executable, "-W", "error", "-c", SIGNALS], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr


LIGHT = """
import sys
import publishers.arweave
assert not {"httpx", "arweave", "cryptography", "requests"} & {name.partition(".")[0] for name in sys.modules}
"""


def test_the_package_itself_loads_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
