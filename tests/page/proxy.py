"""Proxies before the page: Caddy and nginx on this machine alone, configured by the very text of docs/page.md."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DOCUMENT = Path(__file__).parents[2] / "docs" / "page.md"
NAME = "videos.example.org"
_PATIENCE = 60


@dataclass(frozen=True)
class Proxy:
    """One that runs: its ports, and the file with the authority that vouches for it."""

    https: int
    http: int
    authority: Path

    def line(self) -> http.client.HTTPSConnection:
        """Give a line to it, as a browser opens one to its name."""
        return _Line(self)


class _Line(http.client.HTTPSConnection):
    def __init__(self, proxy: Proxy) -> None:
        self._trust = ssl.create_default_context(cafile=str(proxy.authority))
        super().__init__(NAME, 443, timeout=_PATIENCE, context=self._trust)
        self._port = proxy.https

    def connect(self) -> None:
        """Go to the proxy, whatever the name means elsewhere."""
        plain = socket.create_connection(("127.0.0.1", self._port), _PATIENCE)
        self.sock = self._trust.wrap_socket(plain, server_hostname=NAME)


def told(kind: str) -> str:
    """Give the configuration of one kind, as the document has it."""
    (text,) = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


@contextlib.contextmanager
def caddy(folder: Path, page: int) -> Iterator[Proxy]:
    """Start Caddy; it is its own authority, as with ``tls internal``."""
    program, proxy = _found("caddy"), Proxy(_free(), _free(), folder / "pki/authorities/local/root.crt")
    ours = (
        f"{{\n admin off\n local_certs\n skip_install_trust\n storage file_system {folder}\n"
        f" default_bind 127.0.0.1\n https_port {proxy.https}\n http_port {proxy.http}\n}}\n"
    )
    file = folder / "Caddyfile"
    file.write_text(ours + _exchanged(told("caddy"), {"127.0.0.1:7860": f"127.0.0.1:{page}"}), encoding="utf-8")
    with _running([program, "run", "--config", str(file), "--adapter", "caddyfile"], folder, proxy):
        yield proxy


@contextlib.contextmanager
def nginx(folder: Path, page: int) -> Iterator[Proxy]:
    """Start nginx, with a certificate made here."""
    program, proxy = _found("nginx"), Proxy(_free(), _free(), folder / "fullchain.pem")
    _certify(proxy.authority, folder / "privkey.pem")
    changes = {
        "listen 443 ": f"listen 127.0.0.1:{proxy.https} ",
        "listen 80;": f"listen 127.0.0.1:{proxy.http};",
        "/etc/letsencrypt/live/videos.example.org": str(folder),
        "127.0.0.1:7860": f"127.0.0.1:{page}",
    }
    places = "".join(
        f"{what}_temp_path {folder}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    head = f"daemon off;\n{user}pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}"
    file = folder / "nginx.conf"
    file.write_text(f"{head}{_exchanged(told('nginx'), changes)}}}\n", encoding="utf-8")
    with _running([program, "-e", "stderr", "-p", str(folder), "-c", str(file)], folder, proxy):
        yield proxy


def _found(name: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not program:
        pytest.skip(f"there is no {name} on this machine")
    return program


def _exchanged(text: str, changes: dict[str, str]) -> str:
    """Put our ports and files where the document has those of a house; nothing else may differ."""
    for old, new in changes.items():
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    return text


def _free() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextlib.contextmanager
def _running(argv: list[str], folder: Path, proxy: Proxy) -> Iterator[None]:
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **home})
        try:
            _wait(proxy, process, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _wait(proxy: Proxy, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            line = proxy.line()
            line.connect()
            line.close()
        except OSError:
            assert time.monotonic() < end, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        else:
            return


def _certify(certificate: Path, key: Path) -> None:
    """Make a certificate that vouches for itself."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(secret.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
