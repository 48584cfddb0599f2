"""Odd and bad input through the real engine: each is rendered or refused with a reason a person can act on."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import lipsync

pytestmark = pytest.mark.e2e

RATE = 16000


@pytest.fixture(scope="module")
def studio() -> lipsync.Studio:
    return lipsync.load(lipsync.Options(device="cpu"))


@pytest.fixture(scope="module")
def portrait(sample: Path) -> NDArray[np.uint8]:
    return cv2.imread(str(sample / "astronaut.jpg"))


def wav(path: Path, samples: NDArray[np.float32]) -> Path:
    import soundfile

    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A second and a half of the bundled speech."""
    import soundfile

    samples, rate = soundfile.read(sample / "hello.flac", dtype="float32")
    start = int(0.3 * rate)
    path = tmp_path_factory.mktemp("speech") / "short.wav"
    soundfile.write(path, samples[start : start + int(1.5 * rate)], rate)
    return path


def frames(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.float32)


def motion(path: Path) -> float:
    """How much the busiest percent of the picture changes over time, in grey levels."""
    deviation = frames(path).mean(3).std(0)
    return float(np.percentile(deviation, 99.5))


def render(studio: lipsync.Studio, face: Path, speech: Path, pick: str | int = "largest") -> lipsync.Render:
    out = face.parent
    return studio.render(lipsync.Take(face, speech, pick), out / "video.mp4", out / "poster.jpg", lambda progress: None)


def test_silence_keeps_the_mouth_shut(studio: lipsync.Studio, portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    face = tmp_path / "face.png"
    cv2.imwrite(str(face), portrait)
    noise = np.random.default_rng(3).normal(0, 0.001, RATE * 2)
    for samples in (np.zeros(RATE * 2), noise):
        answer = render(studio, face, wav(tmp_path / "quiet.wav", samples.astype(np.float32)))
        assert answer.frames == 50
        assert motion(answer.video) < 0.7
        assert np.isfinite(answer.poster_at)


def test_a_tenth_of_a_second(studio: lipsync.Studio, portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    face = tmp_path / "face.png"
    cv2.imwrite(str(face), portrait)
    tone = 0.3 * np.sin(np.arange(RATE // 10) * 0.08)
    answer = render(studio, face, wav(tmp_path / "tick.wav", tone.astype(np.float32)))
    assert answer.frames == 3  # 0.1 s at 25 frames per second, rounded up


def sideways(portrait: NDArray[np.uint8], folder: Path) -> Path:
    """A photo that lies on its side and says so in its EXIF data."""
    from PIL import Image

    turned = Image.fromarray(cv2.cvtColor(portrait, cv2.COLOR_BGR2RGB)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "face.jpg", exif=exif, quality=95)
    return folder / "face.jpg"


def seen_through(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = np.full(portrait.shape[:2], 255, np.uint8)
    alpha[:60] = 0
    return np.dstack([portrait, alpha])


KINDS = {
    "grey": lambda portrait: cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY),
    "rgba": seen_through,
    "sixteen": lambda portrait: portrait.astype(np.uint16) * 257,
    "odd": lambda portrait: portrait[:-1, :-3],
    "edge": lambda portrait: portrait[:, portrait.shape[1] // 4 :],
}


@pytest.mark.parametrize("kind", [*KINDS, "exif"])
def test_every_kind_of_photo_speaks(
    studio: lipsync.Studio, portrait: NDArray[np.uint8], speech: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "exif":
        face = sideways(portrait, tmp_path)
    else:
        face = tmp_path / "face.png"
        cv2.imwrite(str(face), KINDS[kind](portrait))
    answer = render(studio, face, speech)
    assert answer.coverage == 1
    assert answer.width % 2 == 0
    assert motion(answer.video) > 3
    if kind == "grey":
        colour = np.ptp(frames(answer.video), axis=3)
        assert np.percentile(colour, 99.9) < 8, "a grey photo stays grey, teeth and all"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.mp4", b"Dear all,\nthis is no video.\n" * 50),
        ("cut.jpg", None),
        ("tiny.png", None),
        ("grass.png", None),
        ("torn.mp4", None),
    ],
)
def test_what_is_no_face_is_refused_with_a_hint(
    studio: lipsync.Studio, sample: Path, speech: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    face = tmp_path / name
    if content is not None:
        face.write_bytes(content)
    elif name == "cut.jpg":
        data = (sample / "astronaut.jpg").read_bytes()
        face.write_bytes(data[: len(data) // 2])
    elif name == "torn.mp4":
        data = (sample / "astronaut.mp4").read_bytes()
        face.write_bytes(data[: len(data) // 3])
    else:
        size = (4, 4) if name == "tiny.png" else (360, 480)
        grass = np.random.default_rng(5).integers(0, 255, (*size, 3)).astype(np.uint8) * np.uint8(1)
        cv2.imwrite(str(face), grass)
    with pytest.raises(lipsync.LipsyncError) as fault:
        render(studio, face, speech)
    assert name in fault.value.message
    assert fault.value.hint
    assert not fault.value.passing
    assert not (tmp_path / "video.mp4").exists()
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_two_faces_and_the_pick_between_them(
    studio: lipsync.Studio, portrait: NDArray[np.uint8], speech: Path, tmp_path: Path
) -> None:
    small = cv2.resize(portrait, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    pair = np.full((portrait.shape[0], portrait.shape[1] + small.shape[1], 3), 90, np.uint8)
    pair[:, : portrait.shape[1]] = portrait
    pair[: small.shape[0], portrait.shape[1] :] = small
    face = tmp_path / "pair.png"
    cv2.imwrite(str(face), pair)
    for pick, left in (("largest", True), ("right", False), ("left", True), (1, False)):
        deviation = frames(render(studio, face, speech, pick).video).mean(3).std(0)
        border = portrait.shape[1]
        first, second = (float(np.percentile(part, 99.7)) for part in (deviation[:, :border], deviation[:, border:]))
        assert (first > 4 * second) if left else (second > 4 * first), (pick, first, second)


def test_faceless_frames_pass_through_and_are_counted(
    studio: lipsync.Studio, sample: Path, speech: Path, tmp_path: Path
) -> None:
    face = tmp_path / "leaves.mp4"
    with av.open(str(sample / "astronaut.mp4")) as reader, av.open(str(face), "w") as writer:
        source = reader.streams.video[0]
        stream = writer.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = source.width, source.height, "yuv420p"
        for number, frame in enumerate(reader.decode(video=0)):
            picture = frame.to_ndarray(format="rgb24")
            if 10 <= number < 22:
                picture = np.full_like(picture, 128)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            if number == 37:
                break
        writer.mux(stream.encode(None))
    answer = render(studio, face, speech)
    assert answer.frames == 38
    assert 20 <= answer.driven <= 28
    assert 0.5 < answer.coverage < 0.75


def test_a_video_without_any_face_fails_with_a_hint(studio: lipsync.Studio, speech: Path, tmp_path: Path) -> None:
    face = tmp_path / "wall.mp4"
    with av.open(str(face), "w") as writer:
        stream = writer.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            picture = np.full((240, 320, 3), 90 + number, np.uint8)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        writer.mux(stream.encode(None))
    with pytest.raises(lipsync.NoFaceError) as fault:
        render(studio, face, speech)
    assert "wall.mp4" in fault.value.message
    assert fault.value.hint


def test_speech_that_is_no_speech_is_refused(
    studio: lipsync.Studio, portrait: NDArray[np.uint8], tmp_path: Path
) -> None:
    face = tmp_path / "face.png"
    cv2.imwrite(str(face), portrait)
    for name, content in (("empty.wav", b""), ("noise.mp3", b"no sound at all" * 99)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(lipsync.MediaError) as fault:
            render(studio, face, path)
        assert name in fault.value.message
