"""The ways to a node: IPv6, a host name, https with a certificate that is trusted or not."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from publishers import Unreachable
from publishers.node import Node


class Answering(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.dumps({"Version": "0.30.0"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def listening(family: socket.AddressFamily, host: str, context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Listening(http.server.HTTPServer):
        address_family = family

        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that does not trust us leaves."""

    with Listening((host, 0), Answering) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def certificate(folder: Path) -> Path:
    """One for 127.0.0.1 that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nas")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "nas.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


def test_over_ipv6() -> None:
    try:
        with listening(socket.AF_INET6, "::1") as port:
            assert Node(f"http://[::1]:{port}").version().text == "0.30.0"
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


def test_by_name() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as port:
        assert Node(f"http://localhost:{port}").version().text == "0.30.0"


def test_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with listening(socket.AF_INET, "127.0.0.1", context) as port:
        node = Node(f"https://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match="no certificate that is trusted here"):
            node.version()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        assert node.version().text == "0.30.0"
