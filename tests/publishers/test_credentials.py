"""Content credentials: what is signed is what is read, what is changed is reported, and no network is used."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import pytest

from publishers import (
    Claim,
    Credentials,
    PublisherError,
    Signer,
    SigningCrash,
    SigningError,
    SigningOrder,
    Standing,
    Unreachable,
    credentials_of,
    examine_signer,
    sign,
)
from publishers.claim import SOURCE_TYPE
from tests.publishers.chains import Leaf, chain

VERSION = "0.9.1"
VIDEO = Claim(VERSION, "video")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with a certificate of its own."""
    return tmp_path_factory.mktemp("state")


def signed(source: Path, target: Path, signer: Signer, claim: Claim = VIDEO) -> Credentials:
    (credentials,) = sign([SigningOrder(source, target, claim)], signer)
    return credentials


@pytest.fixture(scope="module")
def video(state: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed video, for tests that only look at it."""
    path = tmp_path_factory.mktemp("signed") / "周报.mp4"
    signed(sample / "astronaut.mp4", path, Signer(state), Claim(VERSION, "video", "周报 第一期"))
    return path


@pytest.fixture(scope="module")
def picture(state: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signed") / "alice.jpg"
    signed(sample / "astronaut.jpg", path, Signer(state), Claim(VERSION, "photo"))
    return path


def changed(source: Path, target: Path, place: Callable[[bytes], int]) -> Path:
    """Copy a file with one bit turned."""
    data = bytearray(source.read_bytes())
    data[place(bytes(data))] ^= 1
    target.write_bytes(data)
    return target


def boxes(path: Path) -> list[str]:
    """The boxes of an mp4, in order."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        found.append(kind.decode())
        at += size
    return found


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def test_a_video_made_from_a_video_says_so(video: Path) -> None:
    (found,) = credentials_of([video])
    assert found.state is Standing.VALID
    assert found.file == "周报.mp4"
    assert found.issuer == "lipsyncd (self-made certificate)"
    assert found.actions == ("c2pa.opened", "c2pa.edited")
    assert found.source == SOURCE_TYPE
    assert found.tool == f"lipsyncd {VERSION}"
    assert found.title == "周报 第一期"
    assert not found.reason
    assert "nobody vouches" in str(found)


def test_a_picture_of_what_was_made_from_a_photo_says_so(picture: Path) -> None:
    (found,) = credentials_of([picture])
    assert (found.state, found.actions, found.source) == (Standing.VALID, ("c2pa.created",), SOURCE_TYPE)
    assert not found.title


def test_the_signer_is_described_for_the_manifest(state: Path, sample: Path, tmp_path: Path) -> None:
    told = signed(sample / "astronaut.mp4", tmp_path / "a.mp4", Signer(state))
    leaf = subprocess.run(
        ["openssl", "x509", "-in", state / "credentials" / "certificate.pem", "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert leaf.partition("=")[2].strip().replace(":", "").lower() == told.certificate
    assert told == Credentials("valid", "lipsyncd (self-made certificate)", False, SOURCE_TYPE, told.certificate)


def test_one_who_trusts_the_root_is_told_more(video: Path, state: Path) -> None:
    root = (state / "credentials" / "root.pem").read_text(encoding="ascii")
    assert credentials_of([video], root)[0].state is Standing.TRUSTED
    stranger = chain()
    assert credentials_of([video], stranger.root.decode())[0].state is Standing.VALID


def test_a_request_larger_than_a_pipe_holds_arrives(video: Path, state: Path) -> None:
    """Lists of authorities are that long, and so are the orders of a folder with a hundred faces."""
    root = (state / "credentials" / "root.pem").read_text(encoding="ascii")
    assert credentials_of([video], "\n" * 100_000 + root)[0].state is Standing.TRUSTED


def test_the_certificate_is_held_against_the_expected_ones(video: Path, picture: Path, state: Path) -> None:
    told = signed(video, video.with_name("again.mp4"), Signer(state)).certificate
    other = hashlib.sha256(b"other").hexdigest()
    found = credentials_of([video, picture], expected=[other, told])
    assert [one.expected for one in found] == [True, True]
    assert [one.state for one in found] == [Standing.VALID, Standing.VALID], "expected is not trusted"
    assert not credentials_of([video], expected=[other])[0].expected
    assert not credentials_of([video])[0].expected


def test_ones_own_chain_signs(sample: Path, tmp_path: Path) -> None:
    for kind in ("es256", "ps256", "ed25519"):
        press = chain(Leaf(kind))
        signer = Signer(tmp_path / "state", *press.files(tmp_path / kind))
        told = signed(sample / "astronaut.mp4", tmp_path / f"{kind}.mp4", signer)
        assert (told.issuer, told.certificate) == ("周报社 Example Press", press.fingerprint)
        (found,) = credentials_of([tmp_path / f"{kind}.mp4"], press.root.decode(), [press.fingerprint])
        assert (found.state, found.expected, found.issuer) == (Standing.TRUSTED, True, "周报社 Example Press")
    assert not (tmp_path / "state").exists(), "none is made that is not needed"


@pytest.mark.parametrize("purpose", ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"])
def test_every_purpose_that_we_take_counts_for_others_too(sample: Path, tmp_path: Path, purpose: str) -> None:
    press = chain(Leaf(purposes=(purpose,)))
    signed(sample / "astronaut.jpg", tmp_path / "a.jpg", Signer(tmp_path, *press.files(tmp_path)))
    assert credentials_of([tmp_path / "a.jpg"], press.root.decode())[0].state is Standing.TRUSTED


def test_a_turned_bit_is_reported(video: Path, picture: Path, tmp_path: Path) -> None:
    places = {
        "sound or picture.mp4": lambda data: data.rindex(b"mdat") + 5000,
        "index.mp4": lambda data: data.index(b"stsz") + 30,
        "claim.mp4": lambda data: data.index(b"compositeWithTrained"),
        "title.mp4": lambda data: data.index("第一期".encode()),
    }
    files = [changed(video, tmp_path / name, place) for name, place in places.items()]
    files.append(changed(picture, tmp_path / "pixels.jpg", lambda data: len(data) - 2000))
    for found in credentials_of(files):
        assert found.state is Standing.TAMPERED, found
        assert found.reason
        assert "was changed" in str(found)


def test_appended_and_cut_files_are_reported(video: Path, picture: Path, tmp_path: Path) -> None:
    longer, shorter, longer_picture = tmp_path / "longer.mp4", tmp_path / "shorter.mp4", tmp_path / "longer.jpg"
    longer.write_bytes(video.read_bytes() + struct.pack(">I4s", 16, b"free") + b"x" * 8)
    shorter.write_bytes(video.read_bytes()[:-1000])
    longer_picture.write_bytes(picture.read_bytes() + b"x")
    assert [found.state for found in credentials_of([longer, shorter, longer_picture])] == [Standing.TAMPERED] * 3


def test_what_is_no_signed_file_is_told_apart(sample: Path, tmp_path: Path) -> None:
    contents = {"empty.mp4": b"", "junk.mp4": b"x" * 4000, "junk.jpg": b"\xff\xd8" + b"x" * 400, "text.txt": b"hello"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = credentials_of(
        [sample / "astronaut.mp4", sample / "astronaut.jpg", *(tmp_path / name for name in contents)]
    )
    assert [one.state for one in found[:2]] == [Standing.NONE] * 2
    assert "has no content credentials" in str(found[0])
    assert {one.state for one in found[2:]} <= {Standing.NONE, Standing.INVALID}
    with pytest.raises(FileNotFoundError):
        credentials_of([tmp_path / "none.mp4"])


def test_damaged_credentials_are_never_taken_for_others(video: Path, tmp_path: Path) -> None:
    """Every sixteenth byte of the C2PA box, turned; what still counts (labels, padding) says what was signed."""
    data = video.read_bytes()
    begin = data.index(b"uuid") - 4
    size = struct.unpack(">I", data[begin : begin + 4])[0]
    files = [tmp_path / f"{at}.mp4" for at in range(begin + 8, begin + size, 16)]
    for file in files:
        at = int(file.stem)
        file.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
    (whole,) = credentials_of([video])
    found = credentials_of(files)
    taken = [one for one in found if one.state in (Standing.VALID, Standing.TRUSTED)]
    assert {replace(one, file=whole.file) for one in taken} == {whole}
    assert len(found) - len(taken) > 100


def test_a_remuxed_video_has_none(video: Path, tmp_path: Path) -> None:
    with av.open(str(video)) as reader, av.open(str(tmp_path / "remuxed.mp4"), "w") as writer:
        streams = {stream: writer.add_stream_from_template(stream) for stream in reader.streams}
        for packet in reader.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                writer.mux(packet)
    assert credentials_of([tmp_path / "remuxed.mp4"])[0].state is Standing.NONE


def test_a_signed_video_plays_as_before_and_from_its_first_bytes(video: Path, sample: Path) -> None:
    assert packets(video) == packets(sample / "astronaut.mp4")
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == container.streams.video[0].frames
    order = boxes(video)
    assert order.index("uuid") < order.index("moov") < order.index("mdat"), "faststart"
    grown = video.stat().st_size - (sample / "astronaut.mp4").stat().st_size
    assert grown < 6000


def test_nothing_private_is_in_it(video: Path, picture: Path, state: Path, sample: Path) -> None:
    for path, source in ((video, sample / "astronaut.mp4"), (picture, sample / "astronaut.jpg")):
        data, before = path.read_bytes(), source.read_bytes()
        for word in ("astronaut", "alice", os.uname().nodename, str(state), str(sample), "PRIVATE", "/home", "/tmp"):
            assert data.count(word.encode()) == before.count(word.encode()), word


def test_signing_twice_is_signing_once(video: Path, state: Path, tmp_path: Path) -> None:
    signed(video, tmp_path / "again.mp4", Signer(state))
    assert abs((tmp_path / "again.mp4").stat().st_size - video.stat().st_size) < 100
    assert boxes(tmp_path / "again.mp4").count("uuid") == 1


def test_what_cannot_be_signed_leaves_nothing_broken(state: Path, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.mp4").write_bytes(b"x" * 4000)
    (tmp_path / "target.mp4").write_bytes(b"as it was")
    with pytest.raises(SigningError, match=r"junk\.mp4 cannot be signed") as caught:
        signed(tmp_path / "junk.mp4", tmp_path / "target.mp4", Signer(state))
    assert not caught.value.passing
    assert str(tmp_path) not in str(caught.value)
    assert (tmp_path / "target.mp4").read_bytes() == b"as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junk.mp4", "target.mp4"]
    with pytest.raises(FileNotFoundError):
        signed(tmp_path / "none.mp4", tmp_path / "target.mp4", Signer(state))
    with pytest.raises(Unreachable, match="cannot be read or written"):
        signed(sample / "astronaut.mp4", tmp_path / "no such folder" / "target.mp4", Signer(state))


def test_nobody_signs_with_what_is_not_right(sample: Path, tmp_path: Path) -> None:
    certificate, key = chain(Leaf(ends=timedelta(days=-1))).files(tmp_path)
    with pytest.raises(PublisherError, match="has expired"):
        signed(sample / "astronaut.mp4", tmp_path / "a.mp4", Signer(tmp_path, certificate, key))
    with pytest.raises(PublisherError, match="a key and no certificate"):
        signed(sample / "astronaut.mp4", tmp_path / "a.mp4", Signer(tmp_path, "", key))
    assert not (tmp_path / "a.mp4").exists()


def test_a_certificate_that_ends_later_makes_the_signature_count_no_more(sample: Path, tmp_path: Path) -> None:
    """Without a time-stamping authority nobody can tell when it was signed: so ours is valid for thirty years."""
    begin, lives = time.monotonic(), 10.0  # long enough to sign on a machine that is busy
    press = chain(Leaf(ends=timedelta(seconds=lives)))
    signed(sample / "astronaut.jpg", tmp_path / "a.jpg", Signer(tmp_path, *press.files(tmp_path)))
    time.sleep(max(0.0, begin + lives + 1.5 - time.monotonic()))
    (found,) = credentials_of([tmp_path / "a.jpg"], press.root.decode())
    assert found.state is Standing.INVALID
    assert "not valid today" in found.reason


def test_the_doctor_is_told_who_signs(tmp_path: Path, sample: Path) -> None:
    signer = Signer(tmp_path / "state")
    assert "is made with the first video" in examine_signer(signer).found
    assert not (tmp_path / "state").exists()
    signed(sample / "astronaut.jpg", tmp_path / "a.jpg", signer)
    known = examine_signer(signer)
    assert known.state == "ok"
    assert "strangers do not know this signer" in known.found
    wrong = examine_signer(Signer(tmp_path, *chain(Leaf(signs=False)).files(tmp_path)))
    assert (wrong.state, bool(wrong.advice)) == ("fail", True)


# --- the process ---


def program(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, str(path)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os; os.abort()", "ended unexpectedly (signal 6)"),
        ("import os; os.kill(os.getpid(), 9)", "runs out of memory"),
        ("raise SystemExit(3)", "exit code 3"),
        ("print('no JSON')", "talked nonsense"),
    ],
)
def test_a_crash_in_there_is_an_error_out_here(sample: Path, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SigningCrash) as caught:
        credentials_of([sample / "astronaut.jpg"], command=program(tmp_path, text))
    assert said in caught.value.message
    assert caught.value.passing


class Enough(Exception):
    """Raised by a beat."""


def test_a_beat_ends_it(sample: Path, tmp_path: Path) -> None:
    shares: list[float] = []

    def beat(share: float) -> None:
        shares.append(share)
        if len(shares) > 2:
            raise Enough

    command = program(
        tmp_path, "import os, sys, time; open(sys.argv[0] + '.pid', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    begin = time.monotonic()
    with pytest.raises(Enough):
        credentials_of([sample / "astronaut.jpg"], beat=beat, command=command)
    assert time.monotonic() - begin < 40
    assert not Path("/proc", (tmp_path / "program.py.pid").read_text(encoding="ascii")).exists()


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Else the next daemon and the last one's child could write one file at once."""
    text = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'publishers.signing_process', str(os.getpid())],"
        " stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(program(tmp_path, text), stdout=subprocess.PIPE, text=True, env=_env())
    assert parent.stdout is not None
    child = Path("/proc", parent.stdout.readline().strip())
    wait(lambda: _begun(child))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait(lambda: not child.exists() or (child / "stat").read_text(encoding="ascii").split()[2] == "Z")


def _begun(child: Path) -> bool:
    status = (child / "status").read_text(encoding="ascii")
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored.split()[1], 16) & (1 << 14))  # SIGTERM is ignored: it has come past its beginning


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def wait(until: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_nothing_foreign_is_loaded_out_here(state: Path, sample: Path, tmp_path: Path) -> None:
    text = (
        "import json, sys\nfrom pathlib import Path\nimport publishers\n"
        "order = publishers.SigningOrder(Path(sys.argv[1]), Path(sys.argv[2]), publishers.Claim('1', 'photo'))\n"
        "publishers.sign([order], publishers.Signer(Path(sys.argv[3])))\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    words = [*program(tmp_path, text), str(sample / "astronaut.jpg"), str(tmp_path / "a.jpg"), str(state)]
    ran = subprocess.run(words, capture_output=True, text=True, check=True, env=_env())
    assert not {"c2pa", "cryptography", "httpx"} & set(json.loads(ran.stdout))


def test_it_works_where_memory_is_limited_already(sample: Path) -> None:
    script = f'ulimit -v 2000000; exec "{sys.executable}" -m publishers.signing_process "$1"'
    told = credentials_of([sample / "astronaut.jpg"], command=["sh", "-c", script, "sh"])
    assert told[0].state is Standing.NONE


def test_eight_at_once_cost_one_process(state: Path, sample: Path, tmp_path: Path) -> None:
    orders = [SigningOrder(sample / "astronaut.mp4", tmp_path / f"{n}.mp4", Claim(VERSION, "photo")) for n in range(8)]
    told = sign(orders, Signer(state))
    assert len(told) == 8
    found = credentials_of([order.target for order in orders], expected=[told[0].certificate])
    assert all(one.state is Standing.VALID and one.expected for one in found)


def test_memory_does_not_grow_with_the_video(state: Path, sample: Path, tmp_path: Path) -> None:
    """200 MB; hashed whole it would take 430 MB."""
    large, copy = tmp_path / "large.mp4", tmp_path / "signed.mp4"
    data = (sample / "astronaut.mp4").read_bytes()
    at = data.index(b"mdat") - 4
    (size,) = struct.unpack(">I", data[at : at + 4])
    with large.open("wb") as file:
        file.write(data[:at] + struct.pack(">I", size + (200 << 20)) + data[at + 4 : at + size])
        for _ in range(200):
            file.write(os.urandom(1 << 20))
        file.write(data[at + size :])
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    signed(large, copy, Signer(state))
    assert credentials_of([copy])[0].state is Standing.VALID
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after < max(before, 90_000) + 1000, f"{after / 1000:.0f} MB"
    turned = changed(copy, tmp_path / "turned.mp4", lambda data: len(data) - 20_000_000)
    assert credentials_of([turned])[0].state is Standing.TAMPERED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large.mp4", "signed.mp4", "turned.mp4"]


# --- no network ---


class Listener:
    """A loopback server that only counts who comes."""

    def __init__(self) -> None:
        self.came = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.came += 1
            visitor.close()

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.close()


def test_nobody_is_asked_whether_a_certificate_was_revoked(listener: Listener, sample: Path, tmp_path: Path) -> None:
    press = chain(Leaf(ocsp=f"http://127.0.0.1:{listener.port}/"))
    signed(sample / "astronaut.mp4", tmp_path / "a.mp4", Signer(tmp_path, *press.files(tmp_path)))
    assert credentials_of([tmp_path / "a.mp4"], press.root.decode())[0].state is Standing.TRUSTED
    assert listener.came == 0


def test_credentials_that_lie_elsewhere_are_not_fetched(listener: Listener, sample: Path, tmp_path: Path) -> None:
    """A stranger's file names an address; looking at the file must not tell the stranger so."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        b'dcterms:provenance="http://127.0.0.1:%d/manifest.c2pa"/></rdf:RDF></x:xmpmeta>' % listener.port
    )
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    data = (sample / "astronaut.jpg").read_bytes()
    remote = tmp_path / "remote.jpg"
    remote.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + data[2:])
    (found,) = credentials_of([remote])
    assert found.state in (Standing.NONE, Standing.INVALID)
    assert listener.came == 0


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here")
def test_it_works_where_there_is_no_network_at_all(state: Path, sample: Path, tmp_path: Path) -> None:
    words = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the kernel gives no network of one's own")
    order = SigningOrder(sample / "astronaut.mp4", tmp_path / "a.mp4", Claim(VERSION, "video"))
    script = f'exec unshare --net --map-root-user "{sys.executable}" -c "{_GUARD}" "$@"'
    told = sign([order], Signer(state), command=["sh", "-c", script, "sh"])
    assert told[0].state == "valid"


_GUARD = (
    "import sys; from unittest import mock; import os; "
    "mock.patch('os.getppid', lambda: int(sys.argv[1])).start(); "
    "from publishers import signing_process; sys.exit(signing_process.main())"
)
