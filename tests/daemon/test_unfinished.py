"""Files that look settled and are not: still open somewhere, or shorter than they say."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon import claim
from daemon.claim import Terms
from daemon.ending import short
from daemon.inbox import Inbox, Look
from daemon.journal import Journal
from daemon.mount import Mount
from daemon.order import Choices
from daemon.owner import Owners, here
from daemon.writer import written

SAMPLE = Path(__file__).parents[2] / "daemon/sample"
HOLDER = "import sys; file = open(sys.argv[1], sys.argv[2]); print('open', flush=True); sys.stdin.read()"


class Share:
    """An inbox with a clock that is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.inbox = Inbox(folder, 2.0, Choices(), clock=lambda: self.now)

    def look(self, after: float = 0.0) -> Look:
        self.now += after
        return self.inbox.look()


@pytest.fixture
def share(tmp_path: Path) -> Share:
    folder = Journal(tmp_path).inbox / "talk"
    Journal(tmp_path).prepare()
    folder.mkdir()
    (folder / "ann.png").write_text("face")
    (folder / "voice.mp3").write_text("words")
    return Share(folder.parent)


@contextmanager
def held(path: Path, mode: str) -> Iterator[None]:
    """Another process has a file open."""
    command = [sys.executable, "-S", "-E", "-c", HOLDER, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        yield
        holder.kill()


def test_a_file_that_is_open_for_writing_is_waited_for_however_long(share: Share) -> None:
    share.look()
    with held(share.folder / "talk/voice.mp3", "a"):
        look = share.look(10_000)
        assert not look.drops
        assert look.waiting == (("talk", "voice.mp3 is still open in another program"),)
        assert look.due == 2.0
        assert share.look(1).waiting == look.waiting, "nothing new to say"
        assert not share.look(10_000).drops
    assert not share.look(1.9).drops, "what was written last has to settle"
    assert share.look(0.2).drops


def test_who_only_reads_a_file_is_no_reason_to_wait(share: Share) -> None:
    share.look()
    with held(share.folder / "talk/voice.mp3", "r"):
        assert share.look(2.1).drops


def test_a_file_opened_while_we_take_the_drop_is_given_back(share: Share) -> None:
    journal = Journal(share.folder.parent)
    share.look()
    (drop,) = share.look(2.1).drops
    with held(share.folder / "talk/voice.mp3", "r+"):
        job = claim.new_job(drop, Terms("null"), datetime.now(UTC))
        assert claim.claim(drop, job, journal, Owners(here())) is None
        assert (share.folder / "talk/voice.mp3").exists()
        assert not list(journal.working.iterdir())
        assert not share.look(0.1).drops


@pytest.mark.parametrize(("kind", "known"), [("cifs", False), ("nfs4", False), ("fuse.mergerfs", True), ("ext4", True)])
def test_on_a_network_share_the_kernel_cannot_know(
    share: Share, monkeypatch: pytest.MonkeyPatch, kind: str, known: bool
) -> None:
    monkeypatch.setattr("daemon.inbox.mount_of", lambda _folder: Mount(Path("/mnt"), kind))
    share.look()
    with held(share.folder / "talk/voice.mp3", "a"):
        assert bool(share.look(2.1).drops) == (not known)


def test_a_file_that_a_server_does_not_share_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> int:
        raise OSError(errno.EBUSY, "Device or resource busy")

    (tmp_path / "voice.mp3").write_text("words")
    monkeypatch.setattr("daemon.writer.os.open", refuse)
    assert written(tmp_path, ["voice.mp3"], leases=False) == "voice.mp3"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_where_we_may_not_ask_nothing_is_held_up(tmp_path: Path) -> None:
    """A lease is granted to the owner of a file, or to whom the machine trusts."""
    path = tmp_path / "voice.mp3"
    path.write_text("words")
    with held(path, "a"):
        assert written(tmp_path, ["voice.mp3"], leases=True) == "voice.mp3"
        os.seteuid(65534)
        try:
            assert written(tmp_path, ["voice.mp3"], leases=True) == ""
        finally:
            os.seteuid(0)


def wav(size: int) -> bytes:
    return b"RIFF" + struct.pack("<I", size - 8) + b"WAVE" + bytes(size - 12)


def box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4s", size, kind) + bytes(size - 8)


THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 52) + b"\xff\xd9" + bytes(48)
JPEG = b"\xff\xd8" + THUMBNAIL + b"\xff\xda\0\x08" + bytes(6) + b"picture" * 20 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 100, b"IDAT") + bytes(104) + b"\0\0\0\0IEND\xaeB`\x82"
MP4 = box(b"ftyp", 24) + box(b"mdat", 5000) + box(b"moov", 300)
FAST = box(b"ftyp", 24) + box(b"moov", 300) + struct.pack(">I4sQ", 1, b"mdat", 5016) + bytes(5000)
OPEN = box(b"ftyp", 24) + box(b"moov", 300) + struct.pack(">I4s", 0, b"mdat") + bytes(5000)


@pytest.mark.parametrize(
    ("whole", "lengths"),
    [
        (wav(4000), (12, 44, 3999)),
        (PNG, (20, len(PNG) - 13)),
        (JPEG, (4, 50, len(JPEG) - 2)),
        (MP4, (26, 3000, 24 + 5000, 24 + 5000 + 4, len(MP4) - 1)),
        (FAST, (30, 200, 4000)),
        (OPEN, (30, 200)),
    ],
)
def test_what_says_its_length_is_known_to_be_cut_off(tmp_path: Path, whole: bytes, lengths: tuple[int, ...]) -> None:
    path = tmp_path / "file"
    path.write_bytes(whole)
    assert not short(path)
    for length in lengths:
        path.write_bytes(whole[:length])
        assert short(path), length


def test_room_made_before_the_content_comes_is_known(tmp_path: Path) -> None:
    """Explorer makes a file as large as it will be, and then fills it."""
    path = tmp_path / "file"
    for whole in (PNG, JPEG, MP4):
        path.write_bytes(whole[:40] + bytes(len(whole) - 40))
        assert short(path)


def test_what_cameras_put_behind_a_picture_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for whole in (JPEG, PNG, wav(100), MP4):
        path.write_bytes(whole + bytes(1 << 20))
        assert not short(path), whole[:12]


@pytest.mark.parametrize("content", [b"", b"x", b"RIFF\0\0\0\0WAVE" + bytes(50), b"words", bytes(100), b"ID3"])
def test_what_says_nothing_is_taken_for_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not short(path)
    assert not short(tmp_path / "none")


def test_the_samples_are_whole() -> None:
    files = [path for path in SAMPLE.iterdir() if path.suffix in (".mp4", ".wav", ".png", ".jpg")]
    assert files
    assert not [path.name for path in files if short(path)]


def test_an_upload_that_broke_off_may_go_on_for_a_while(share: Share) -> None:
    speech = share.folder / "talk/voice.wav"
    (share.folder / "talk/voice.mp3").unlink()
    speech.write_bytes(wav(4000)[:1000])
    share.look()
    assert share.look(60).waiting == (("talk", "voice.wav is not all there yet"),)
    speech.write_bytes(wav(4000))
    share.look()
    assert share.look(2).drops


def test_what_stays_cut_off_is_taken_in_the_end(share: Share) -> None:
    (share.folder / "talk/voice.wav").write_bytes(wav(4000)[:1000])
    (share.folder / "talk/voice.mp3").unlink()
    share.look()
    assert not share.look(100).drops
    assert share.look(100).drops[0].fault is None, "who decodes it says what is wrong with it"
