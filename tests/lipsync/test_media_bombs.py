"""Small files that claim or unpack to a great deal: each is refused or read within seconds and a few hundred megabytes.

Every one is read in a process of its own under a memory limit that a real bomb would break.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from lipsync import LimitError, Limits, Options
from lipsync.media import open_face, scan, timeline

if TYPE_CHECKING:
    from conftest import Footage

HUGE = 60000
MEMORY = 1_500_000_000
SECONDS = 20

READ = """
import json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]), resource.RLIM_INFINITY))
from lipsync import AUDIO_SUFFIXES, Limits, LipsyncError, Options
from lipsync.media import open_face, open_speech
path = Path(sys.argv[1])
try:
    if path.suffix in AUDIO_SUFFIXES:
        said = ["made", float(open_speech(path, Limits()).seconds)]
    else:
        said = ["made", sum(1 for _ in zip(range(60), open_face(path, Options()).frames()))]
except LipsyncError as error:
    said = ["refused", error.message]
held = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])  # ru_maxrss counts the parent in
print(json.dumps([*said, held // 1000]))
"""


def read(path: Path) -> tuple[str, Any]:
    """Read a file as the renderer would, and say whether it was refused and with which words."""
    command = [sys.executable, "-c", READ, str(path), str(MEMORY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcome, said, megabytes = json.loads(done.stdout.splitlines()[-1])
    assert megabytes < 700
    return outcome, said


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *more: bytes, packed: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg(side: int = 64, progressive: bool = False) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])[1].tobytes()


def claimed(data: bytes) -> bytes:
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", HUGE, HUGE) + data[at + 9 :]


def twice_framed() -> bytes:
    """A head that says a huge size, and then a second one that says a small one."""
    data = jpeg()
    at = data.index(b"\xff\xc0")
    length = 2 + struct.unpack_from(">H", data, at + 2)[0]
    return data[:at] + claimed(data)[at : at + length] + data[at:]


def painted_for_ever() -> bytes:
    data = jpeg(1500, progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last : last + 40] * 5000 + b"\xff\xd9"


def moving(form: str) -> bytes:
    from PIL import Image

    store, frames = io.BytesIO(), [Image.new("RGB", (16, 16), (number, 0, 0)) for number in range(3)]
    frames[0].save(store, form, save_all=True, append_images=frames[1:], duration=1, lossless=True)
    return store.getvalue()


def endless_webp() -> bytes:
    data = moving("WEBP")
    at = data.index(b"ANMF")
    size = 8 + struct.unpack_from("<I", data, at + 4)[0]
    body = data[12:at] + data[at : at + size + size % 2] * 100_000
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def claimed_webp() -> bytes:
    data = bytearray(moving("WEBP"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = b"\xff\x3f\0" * 2
    return bytes(data)


def endless_png() -> bytes:
    data, place, parts = moving("PNG"), 8, []
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        parts.append((kind, data[place + 8 : place + 8 + length]))
        place += 12 + length
    control = next(body for kind, body in reversed(parts) if kind == b"fcTL")
    piece = next(body for kind, body in parts if kind == b"fdAT")
    whole = [chunk(kind, body) for kind, body in parts if kind not in (b"acTL", b"fdAT", b"IEND")]
    whole.insert(1, chunk(b"acTL", struct.pack(">II", 100_001, 0)))
    for number in range(2, 200_002, 2):
        whole.append(chunk(b"fcTL", struct.pack(">I", number) + control[4:]))
        whole.append(chunk(b"fdAT", struct.pack(">I", number + 1) + piece[4:]))
    return data[:8] + b"".join(whole) + chunk(b"IEND", b"")


def bmp(width: int, height: int, packing: int = 0) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24 if not packing else 8, packing, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + head + bytes(100)


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "claims.png": (lambda: png(HUGE, HUGE, packed=zlib.compress(bytes(1000))), "60000 x 60000 pixels; at most"),
    "most.png": (lambda: png(2**31 - 1, 2**31 - 1), "pixels; at most"),
    "zeros.png": (lambda: png(4000, 4000, packed=zlib.compress(bytes(4001 * 4000))), ""),
    "notes.png": (
        lambda: png(8, 8, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(90_000_000))), packed=zlib.compress(bytes(72))),
        "",
    ),
    "wide.png": (lambda: png(40_000_000, 1, packed=zlib.compress(bytes(40_000_001))), "cannot be read as a picture"),
    "tall.png": (lambda: png(1, 900_000, packed=zlib.compress(bytes(1_800_000))), ""),
    "moves.png": (endless_png, ""),
    "claims.jpg": (lambda: claimed(jpeg()), "60000 x 60000 pixels; at most"),
    "twice.jpg": (twice_framed, "60000 x 60000 pixels; at most"),
    "scans.jpg": (painted_for_ever, "damaged or cut off"),
    "claims.webp": (claimed_webp, "16384 x 16384 pixels; at most"),
    "moves.webp": (endless_webp, ""),
    "claims.bmp": (lambda: bmp(HUGE, HUGE), "damaged or cut off"),
    "upside.bmp": (lambda: bmp(-(2**31), -(2**31)), "damaged or cut off"),
    "packed.bmp": (lambda: bmp(HUGE, HUGE, 1), "60000 x 60000 pixels; at most"),
}
"""Name → how it is made, and what is said; "" where it is read."""


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_claims_or_unpacks_to_a_great_deal(tmp_path: Path, name: str) -> None:
    make, words = PICTURES[name]
    (tmp_path / name).write_bytes(make())
    outcome, said = read(tmp_path / name)
    assert (outcome, said) == ("made", 1) if not words else words in said


def wav(rate: int, channels: int, bits: int, data: bytes, size: int | None = None, form: int = 1) -> bytes:
    size = len(data) if size is None else size
    step = channels * bits // 8
    head = struct.pack("<IHHIIHH", 16, form, channels, rate, rate * step & 0xFFFFFFFF, step & 0xFFFF, bits)
    return (
        b"RIFF"
        + struct.pack("<I", min(0xFFFFFFFF, size + 36))
        + b"WAVEfmt "
        + head
        + b"data"
        + struct.pack("<I", size)
        + data
    )


SOUNDS: dict[str, tuple[Callable[[], bytes], str | float]] = {
    "claims.wav": (lambda: wav(16000, 1, 16, bytes(32000), 0xFFFFFFF0), 1.0),
    "none.wav": (lambda: wav(0, 1, 16, bytes(32000)), "damaged or not what its name says"),
    "slow.wav": (lambda: wav(1, 1, 16, bytes(3000)), "has 1 samples per second"),
    "quick.wav": (lambda: wav(0x7FFFFFFF, 1, 16, bytes(3_000_000)), "samples per second"),
    "below.wav": (lambda: wav(0xFFFFFFFF, 1, 16, bytes(32000)), "damaged or not what its name says"),
    "channels.wav": (lambda: wav(16000, 65535, 16, bytes(65535 * 200)), "damaged or not what its name says"),
    "nan.wav": (lambda: wav(16000, 1, 32, np.full(32000, np.nan, "<f4").tobytes(), form=3), 2.0),
    "unending.flac": (lambda: unending(), "longer than the 1800 s"),
}


def unending() -> bytes:
    """Silence for days: thirty megabytes of the same minute."""
    store = io.BytesIO()
    with av.open(store, "w", format="flac") as container:
        stream = container.add_stream("flac", 16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000 * 60), np.int16), "s16", "mono")
        frame.rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = store.getvalue()
    first = data.index(b"\xff\xf8")
    return data[:first] + data[first:] * 1000


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_that_claims_or_unpacks_to_a_great_deal(tmp_path: Path, name: str) -> None:
    make, expected = SOUNDS[name]
    (tmp_path / name).write_bytes(make())
    _, said = read(tmp_path / name)
    assert expected in said if isinstance(expected, str) else said == expected


def holes(path: Path, data: bytes) -> Path:
    """Four gigabytes of which only the beginning is there."""
    with path.open("wb") as file:
        file.write(data)
        file.truncate(4 * 1024**3 - 1)
    return path


@pytest.mark.parametrize("name", ["face.mp4", "face.mkv", "face.avi", "speech.mp3", "speech.flac", "speech.m4a"])
def test_a_file_of_which_only_the_room_is_there(footage: Footage, name: str) -> None:
    codecs = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac", "avi": "mpeg4"}
    codec = codecs.get(name.rpartition(".")[2], "libx264")
    whole = footage.audio(name, codec=codec) if name.startswith("speech") else footage.video(name, codec=codec)
    outcome, said = read(holes(footage.folder / f"holes{whole.suffix}", whole.read_bytes()))
    assert outcome == "made" if whole.suffix in (".mp4", ".m4a") else "its end is empty" in said


def test_four_gigabytes_of_silence(tmp_path: Path) -> None:
    outcome, said = read(holes(tmp_path / "long.wav", wav(16000, 1, 16, b"", 0xFFFFFF00)))
    assert outcome == "refused"
    assert "longer than the 1800 s" in said


def test_a_hundred_thousand_pictures_in_a_second(footage: Footage) -> None:
    film = footage.video("fast.mp4", 1500, (16, 16), Fraction(100_000), tick=Fraction(1, 100_000))
    assert read(film)[1] == "fast.mp4 has 100000 pictures per second; at most 240 are allowed"


def test_more_pictures_than_a_day_has_are_not_even_counted(footage: Footage, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(scan, "FASTEST", 2)
    with pytest.raises(LimitError, match="too many pictures"):
        open_face(footage.video(count=30), Options(limits=Limits(audio_s=5)))


def test_a_picture_that_grows_in_the_middle_is_not_decoded(footage: Footage) -> None:
    small, large = footage.video("small.mkv", 20, codec="mjpeg", layout="yuvj420p"), jpeg(4000)
    data = small.read_bytes()
    at = data.rindex(b"\xff\xd8\xff")
    # the last picture is replaced in place: its head speaks of 60000 x 60000 pixels
    end = data.index(b"\xff\xd9", at)
    (footage.folder / "grows.mkv").write_bytes(data[:at] + claimed(large)[: end - at] + data[end:])
    assert read(footage.folder / "grows.mkv")[0] in ("made", "refused")


def atom(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def edited(data: bytes, count: int, entry: bytes) -> bytes:
    """A film with an edit list of its own; the index lies at its end, so that nothing moves."""
    table = atom(b"elst", struct.pack(">II", 0, count) + entry * min(count, 300_000))
    at = data.index(b"tkhd") - 4
    after = at + struct.unpack_from(">I", data, at)[0]
    whole = data[:after] + atom(b"edts", table) + data[after:]
    for kind in (b"trak", b"moov"):
        place = whole.index(kind) - 4
        size = struct.unpack_from(">I", whole, place)[0] + len(table) + 8
        whole = whole[:place] + struct.pack(">I", size) + whole[place + 4 :]
    return whole


EDITS = {
    "many": (300_000, struct.pack(">IiI", 1, 0, 0x10000)),
    "claimed": (2**32 - 1, struct.pack(">IiI", 1000, 0, 0x10000)),
    "backwards": (300_000, struct.pack(">IiI", 2**32 - 1, -5, 0x10000)),
    "nothing": (1, struct.pack(">IiI", 0, -1, 0)),
}


@pytest.mark.parametrize("kind", EDITS)
def test_edit_lists_without_end(footage: Footage, kind: str) -> None:
    data = footage.video().read_bytes()
    path = footage.folder / "edits.mp4"
    path.write_bytes(edited(data, *EDITS[kind]))
    assert read(path)[0] in ("made", "refused")


@pytest.mark.parametrize("table", [b"stts", b"stsz", b"stsc", b"stco"])
def test_an_index_that_claims_four_billion_entries(footage: Footage, table: bytes) -> None:
    data = bytearray(footage.video().read_bytes())
    at = data.index(table) + 8 + 4 * (table == b"stsz")
    data[at : at + 4] = b"\xff" * 4
    (footage.folder / "index.mp4").write_bytes(data)
    outcome, said = read(footage.folder / "index.mp4")
    assert outcome == "made" or "asks for more memory than it may have" in said or "damaged" in said


def test_a_thousand_streams(footage: Footage) -> None:
    data = footage.video("plain.mp4").read_bytes()
    start = data.index(b"trak") - 4
    size = struct.unpack_from(">I", data, start)[0]
    track, place = data[start : start + size], data.index(b"moov") - 4
    grown = struct.pack(">I", struct.unpack_from(">I", data, place)[0] + size * 999)
    whole = data[:place] + grown + data[place + 4 : start] + track * 1000 + data[start + size :]
    (footage.folder / "tracks.mp4").write_bytes(whole)
    assert read(footage.folder / "tracks.mp4")[0] == "refused"


@pytest.mark.parametrize("first", [-(2**30), 2**50])
def test_time_stamps_far_from_zero(footage: Footage, first: int) -> None:
    film = footage.video("far.mkv", stamps=[first + 40 * number for number in range(10)], tick=Fraction(1, 1000))
    assert read(film) == ("made", 10)


def test_a_crowd_of_pictures_at_the_start_is_found_out_when_it_would_be_shown(footage: Footage) -> None:
    stamps = [*range(400), 90_000]
    film = footage.video("crowd.mkv", len(stamps), (16, 16), stamps=stamps, tick=Fraction(1, 1000))
    source = open_face(film, Options())
    with pytest.raises(LimitError, match=r"crowd\.mkv has 1000 pictures per second in places"):
        timeline(source, Fraction(1, 5), Fraction(25))
