"""The visible label: high enough, long enough, legible on anything, and nothing beside it is touched."""

from __future__ import annotations

import tracemalloc
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import ImageFont

import lipsync
from lipsync import LabelError, Marks, Options, Take
from lipsync.label import Label, label_for, remarks
from lipsync.label_fonts import _content, _found
from lipsync.label_letters import hand_for
from lipsync.label_place import bands, corners, free_place
from lipsync.media import Frame

if TYPE_CHECKING:
    from conftest import Footage

SIZES = [(128, 128), (640, 360), (1080, 1920), (3840, 2160)]
KINDS = [
    Marks(visible=True, style=style, preset=preset, text=text)
    for style in ("corner", "opening")
    for preset, text in (("eu", ""), ("cn", ""), ("", ""), ("", "AI合成"))
]


def grey(size: tuple[int, int], value: int = 0) -> Frame:
    return Frame.from_rgb(np.full((size[1], size[0], 3), value, np.uint8))


def made(marks: Marks, size: tuple[int, int]) -> Label:
    label = label_for(marks, size)
    assert label is not None
    return label


def ink_rows(frame: Frame) -> int:
    """Height of what is bright in a dark frame."""
    rows = np.flatnonzero((frame.planes[0] > 150).any(1))
    return int(rows[-1] - rows[0] + 1)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance, as WCAG 2 has it."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("marks", KINDS, ids=lambda marks: f"{marks.style} {marks.words}")
@pytest.mark.parametrize("size", SIZES)
def test_the_letters_have_a_twentieth_of_the_shorter_side(marks: Marks, size: tuple[int, int]) -> None:
    frame, label = grey(size), made(marks, size)
    label.draw(frame)
    assert ink_rows(frame) >= 0.05 * min(size)
    assert label.plate.letters >= 0.05 * min(size)
    assert remarks(label, size) == ()


@pytest.mark.parametrize("marks", KINDS, ids=lambda marks: f"{marks.style} {marks.words}")
@pytest.mark.parametrize("size", [(128, 128), (640, 360), (360, 640)])
def test_beside_the_plate_every_byte_stays(marks: Marks, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    frame, label = Frame.from_rgb(noise), made(marks, size)
    before = frame.copy()
    label.draw(frame)
    x0, y0, x1, y1 = label.box
    assert 0 < x0 < x1 < size[0]
    assert 0 < y0 < y1 < size[1]
    for plane, old, fine in zip(frame.planes, before.planes, (1, 2, 2), strict=True):
        outside = np.ones(plane.shape, bool)
        outside[y0 // fine : y1 // fine, x0 // fine : x1 // fine] = False
        assert (plane[outside] == old[outside]).all()
        assert (plane != old).any()


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (255, 255, 0), (0, 255, 0), (128, 128, 128)])
def test_ink_and_ground_are_far_apart_on_any_picture(colour: tuple[int, int, int]) -> None:
    size = (640, 360)
    frame = Frame.from_rgb(np.broadcast_to(np.array(colour, np.uint8), (size[1], size[0], 3)))
    label = made(Marks(visible=True, preset="cn"), size)
    label.draw(frame)
    x0, y0, x1, y1 = label.box
    inside = luminance(frame.rgb((x0 + 4, y0 + 4, x1 - 4, y1 - 4)).astype(np.float64)).ravel()
    ground, ink = np.percentile(inside, 20), np.percentile(inside, 99.5)
    assert (ink + 0.05) / (ground + 0.05) >= 4.5


@pytest.mark.parametrize("style", ["corner", "opening"])
def test_it_is_whole_for_two_seconds_and_more(style: str) -> None:
    label = made(Marks(visible=True, style=style, preset="cn"), (320, 240))
    times = [Fraction(number, 25) for number in range(150)]
    shown = [ink(frame) for frame in label.over((grey((320, 240)) for _ in times), times)]
    assert all(value == shown[0] > 200 for value, time in zip(shown, times, strict=True) if time <= 2.5)
    if style == "corner":
        assert shown[-1] == shown[0]
    else:
        assert shown[-1] == 16
        assert shown == sorted(shown, reverse=True)
        assert len(set(shown)) > 8  # it fades


def ink(frame: Frame) -> int:
    return int(frame.planes[0].max())


def test_a_short_video_shows_the_card_to_its_end() -> None:
    label = made(Marks(visible=True, style="opening"), (320, 240))
    assert label.strength(1.9) == 1


def test_the_same_label_twice_is_the_same() -> None:
    for marks in KINDS:
        one, two = grey((640, 360), 90), grey((640, 360), 90)
        made(marks, (640, 360)).draw(one)
        made(marks, (640, 360)).draw(two)
        assert (one.data == two.data).all()


def test_many_frames_take_no_more_memory_than_few() -> None:
    label = made(Marks(visible=True, style="opening"), (640, 360))

    def peak(count: int) -> int:
        times = [Fraction(number, 25) for number in range(count)]
        frames: Iterator[Frame] = label.over((grey((640, 360)) for _ in range(count)), times)
        tracemalloc.start()
        for _ in frames:
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = peak(90)
    assert peak(600) < few * 1.2


def test_the_corner_is_the_one_without_the_face() -> None:
    places = corners((640, 360), (180, 40))
    assert free_place(places, (180, 40), []) == "top right"
    right = np.array([[400.0, 0, 640, 300]])
    assert free_place(places, (180, 40), [(right, 1.0)]) == "top left"
    above = np.array([[0.0, 0, 640, 250]])
    assert free_place(places, (180, 40), [(above, 1.0)]) == "bottom right"


def test_a_mouth_matters_more_than_the_rest_of_a_face() -> None:
    everywhere = np.array([[0.0, 0, 640, 360]])
    mouth = np.array([[420.0, 10, 640, 80]])
    assert free_place(corners((640, 360), (180, 40)), (180, 40), [(everywhere, 1.0), (mouth, 6.0)]) == "top left"


def test_a_card_avoids_a_mouth_in_the_lower_third() -> None:
    places = bands((640, 360), (300, 60))
    assert free_place(places, (300, 60), []) == "bottom"
    assert free_place(places, (300, 60), [(np.array([[250.0, 250, 390, 300]]), 6.0)]) == "top"


def test_a_long_text_is_broken_into_lines_and_then_drawn_smaller() -> None:
    size = (200, 200)
    words = "The lips in this film follow a voice that was recorded on another day than the pictures themselves"
    label = made(Marks(visible=True, text=words), size)
    assert label.plate.size[0] <= 0.92 * size[0]
    assert label.plate.size[1] <= 0.4 * size[1] + 2
    assert "shorter side" in remarks(label, size)[0]


def test_a_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(LabelError, match="too long for so small a picture"):
        label_for(Marks(visible=True, text="W" * 120), (64, 48))


@pytest.fixture
def no_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without fonts; the folder is where they would be."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    _found.cache_clear()
    _content.cache_clear()
    hand_for.cache_clear()
    yield tmp_path / "fonts"
    _found.cache_clear()
    _content.cache_clear()
    hand_for.cache_clear()


def pillows_font(folder: Path) -> Path:
    """Write Pillow's own font to a file: it has ASCII and little more."""
    font = ImageFont.load_default(10)
    assert isinstance(font, ImageFont.FreeTypeFont)
    folder.mkdir(exist_ok=True)
    path = folder / "some.ttf"
    path.write_bytes(font.path.getvalue())  # type: ignore[union-attr]
    return path


def test_the_presets_need_no_font(no_fonts: Path) -> None:
    for marks in KINDS:
        lipsync.check_marks(marks)


@pytest.mark.parametrize("text", ["KI-VERÄNDERT", "MODIFIÉ PAR L’IA", "AI: ŽMĚNĚNO, pří, ů", "con IA, señal: í"])
def test_the_accents_of_europe_need_no_font(no_fonts: Path, text: str) -> None:
    size = (1920, 1080)
    frame, other = grey(size), grey(size)
    made(Marks(visible=True, text=text), size).draw(frame)
    made(Marks(visible=True, text=unicodedata.normalize("NFD", text)), size).draw(other)
    assert (frame.data == other.data).all()
    bare = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    plain = grey(size)
    made(Marks(visible=True, text=bare), size).draw(plain)
    assert ink_rows(frame) > ink_rows(plain)  # something stands above the letters


def test_missing_letters_are_named(no_fonts: Path) -> None:
    with pytest.raises(LabelError, match="the letters Ж 字 of the label") as caught:
        lipsync.check_marks(Marks(visible=True, text="AI Ж字"))
    assert "label.font" in caught.value.hint
    lipsync.check_marks(Marks(text="AI Ж字"))  # nobody sees it


def test_a_font_on_the_machine_must_have_all_letters(no_fonts: Path) -> None:
    pillows_font(no_fonts)
    with pytest.raises(LabelError, match="Ж"):
        lipsync.check_marks(Marks(visible=True, text="Ж"))


def test_a_named_font_is_used_and_its_gaps_are_named(no_fonts: Path) -> None:
    path = pillows_font(no_fonts)
    frame = grey((640, 360))
    made(Marks(visible=True, text="AI-MADE", font=str(path)), (640, 360)).draw(frame)
    assert ink_rows(frame) >= 18
    with pytest.raises(LabelError, match=r"the font some\.ttf has no 生 成") as caught:
        lipsync.check_marks(Marks(visible=True, preset="cn", font=str(path)))
    assert str(no_fonts) not in str(caught.value)


def test_a_font_that_was_found_need_not_be_readable_later(no_fonts: Path) -> None:
    path = pillows_font(no_fonts)
    marks = Marks(visible=True, text="AI-MADE", font=str(path))
    lipsync.check_marks(marks)
    path.unlink()  # the render process is shut in once it is warm
    made(marks, (640, 360)).draw(grey((640, 360)))


@pytest.mark.parametrize("content", [None, b"not a font"])
def test_a_font_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.ttf"
    if content:
        path.write_bytes(content)
    with pytest.raises(LabelError, match=r"the font broken\.ttf cannot be read"):
        lipsync.load(Options(engine="null", marks=Marks(visible=True, font=str(path))))


@pytest.mark.parametrize(
    "wrong", [{"style": "middle"}, {"preset": "us"}, {"text": "a\nb"}, {"text": "a" * 121}, {"producer": "\x00"}]
)
def test_marks_that_mean_nothing(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Marks(**wrong)


@pytest.mark.parametrize("style", ["corner", "opening"])
def test_the_film_and_its_poster_show_it(footage: Footage, style: str) -> None:
    face = footage.video("face.mp4", count=110, size=(256, 192))
    studio = lipsync.load(Options(engine="null", device="cpu", quality=10, marks=Marks(visible=True, style=style)))
    render = studio.render(
        Take(face, footage.audio(seconds=9.0)), face.parent / "o.mp4", face.parent / "o.jpg", lambda _: None
    )
    assert render.label_at == ("top right" if style == "corner" else "bottom")
    label = label_for(Marks(visible=True, style=style), (256, 192), place=render.label_at)
    assert label is not None
    bright = label.plate.rgb.mean(-1) * label.plate.cover > 250
    with av.open(str(render.video)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    with av.open(str(face.parent / "o.jpg")) as container:
        poster = next(container.decode(video=0)).to_ndarray(format="gray")
    x0, y0, x1, y1 = label.box
    for number, frame in [*enumerate(frames), (0, poster)]:
        seen = frame[y0:y1, x0:x1][bright].mean()
        if style == "corner" or number < 50:
            assert seen > 215, number
        elif number > 80:
            assert seen < 215, number


def test_an_engine_that_draws_no_label_is_caught(footage: Footage) -> None:
    from lipsync.engines.null import NullEngine

    face = footage.video("face.mp4", count=3)
    studio = lipsync.Studio(NullEngine(Options(engine="null")), Options(engine="null", marks=Marks(visible=True)))
    with pytest.raises(LabelError, match="'null' does not draw the visible label"):
        studio.render(Take(face, footage.audio()), face.parent / "o.mp4", face.parent / "o.jpg", lambda _: None)
    assert not list(face.parent.glob("o.*"))
