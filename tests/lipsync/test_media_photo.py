"""Photos as people drop them: turned, grey, transparent, deep, moving, cut off, or no photos at all."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync import Limits, Options
from lipsync.errors import LimitError, MediaError
from lipsync.media import Source, open_face


def corners(height: int = 40, width: int = 60) -> np.ndarray:
    """BGR: white at the top left, red at the top right, black below."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = 255
    picture[: height // 2, width // 2 :, 2] = 255
    return picture


def write(path: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


def first(source: Source) -> np.ndarray:
    frames = list(source.frames())
    assert len(frames) == 1
    return frames[0].rgb().astype(int)


def exif(orientation: int) -> bytes:
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".PNG"])
def test_every_kind_of_photo_is_read(tmp_path: Path, suffix: str) -> None:
    source = open_face(write(tmp_path / f"face{suffix}", corners()), Options(fps=Fraction(30)))
    assert (source.kind, source.width, source.height, source.fps, source.times) == ("photo", 60, 40, 30, (0,))
    rgb = first(source)
    assert rgb[5, 5].min() > 240
    assert rgb[5, 50, 0] > 240 > 100 > rgb[5, 50, 1]
    assert rgb[30, 30].max() < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(tmp_path: Path, orientation: int) -> None:
    upright = corners()
    lying = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    jpeg = cv2.imencode(".jpg", np.ascontiguousarray(lying))[1].tobytes()
    body = exif(orientation)
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:])
    rgb = first(open_face(path, Options()))
    assert rgb.shape == (40, 60, 3)
    assert rgb[5, 5].min() > 240
    assert rgb[5, 50, 0] > 240 > 100 > rgb[5, 50, 1]


def test_exif_in_a_png(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.ascontiguousarray(np.rot90(corners(), 1)))[1].tobytes()
    body = exif(6)[6:]
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    path = tmp_path / "turned.png"
    path.write_bytes(png[:33] + chunk + png[33:])
    assert first(open_face(path, Options()))[5, 5].min() > 240


def test_grey_and_deep_and_transparent(tmp_path: Path) -> None:
    grey = write(tmp_path / "grey.png", np.full((8, 8), 100, np.uint8))
    assert np.abs(first(open_face(grey, Options())) - 100).max() <= 2
    deep = write(tmp_path / "deep.png", np.full((8, 8, 3), 100 * 257, np.uint16))
    assert np.abs(first(open_face(deep, Options())) - 100).max() <= 2
    clear = np.full((8, 8, 4), 200, np.uint8)
    clear[:, :, 3] = 0
    assert np.abs(first(open_face(write(tmp_path / "clear.png", clear), Options())) - 128).max() <= 2
    clear[:, :, 3] = 255
    assert np.abs(first(open_face(write(tmp_path / "solid.png", clear), Options())) - 200).max() <= 2


def test_four_pixels_and_odd_sides(tmp_path: Path) -> None:
    assert open_face(write(tmp_path / "tiny.png", corners(4, 4)), Options()).width == 4
    assert open_face(write(tmp_path / "dot.png", corners(1, 1)), Options()).width == 2
    source = open_face(write(tmp_path / "odd.png", corners(41, 61)), Options())
    assert (source.width, source.height) == (62, 42)


def test_large_pictures_are_scaled_down_in_shape(tmp_path: Path) -> None:
    source = open_face(write(tmp_path / "large.png", corners(800, 1200)), Options(width=600, height=600))
    assert (source.width, source.height) == (600, 400)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999])
def test_a_photo_that_is_cut_off_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    whole = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / f"torn{suffix}"
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(MediaError, match=f"torn{suffix}") as caught:
        open_face(path, Options())
    assert caught.value.hint


def test_a_jpeg_with_a_hole_in_it_is_refused(tmp_path: Path) -> None:
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8))[1].tobytes()
    path = tmp_path / "hole.jpg"
    for torn in (whole[:2000] + whole[-800:], whole[:2000] + b"\xff\xd9"):
        path.write_bytes(torn)
        with pytest.raises(MediaError, match=r"hole\.jpg is damaged"):
            open_face(path, Options())


def test_a_flipped_byte_in_a_png_is_seen(tmp_path: Path) -> None:
    data = bytearray(cv2.imencode(".png", corners())[1].tobytes())
    data[60] ^= 0xFF
    path = tmp_path / "flipped.png"
    path.write_bytes(data)
    with pytest.raises(MediaError, match="damaged"):
        open_face(path, Options())


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, I am a text\n" * 40, b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\0\0\0\0WEBP"],
)
def test_what_is_no_photo_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fake.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"fake\.jpg"):
        open_face(path, Options())


def test_a_heic_picture_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(MediaError, match="HEIC") as caught:
        open_face(path, Options())
    assert "JPEG" in caught.value.hint


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(LimitError, match="60000 x 60000 pixels; at most"):
        open_face(path, Options())


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "face.png", corners())
    with pytest.raises(LimitError):
        open_face(path, Options(limits=Limits(file_bytes=10)))


@pytest.mark.parametrize("suffix", [".webp", ".png", ".gif"])
def test_of_a_moving_picture_the_first_is_taken(tmp_path: Path, suffix: str) -> None:
    moving = cv2.Animation()
    moving.frames = [corners(), np.zeros((40, 60, 3), np.uint8), corners()]
    moving.durations = np.array([100, 100, 100])
    made = tmp_path / f"moving{suffix}"
    if not cv2.imwriteanimation(str(made), moving):
        pytest.skip("this OpenCV writes no such file")
    path = made.rename(tmp_path / "moving.png") if suffix == ".gif" else made
    rgb = first(open_face(path, Options()))
    assert rgb[5, 5].min() > 240


def test_missing_and_unknown(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.png"):
        open_face(tmp_path / "gone.png", Options())
    with pytest.raises(MediaError, match="neither a photo nor a video"):
        open_face(tmp_path / "face.xyz", Options())
