"""The studio distrusts engines, puts files in place whole, and names what is broken."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lipsync import EngineError, EngineFacts, Options, Render, Report, StorageError, Studio, Take, load, plugin
from lipsync.engines.null import NullEngine
from lipsync.threads import side_by_side

if TYPE_CHECKING:
    from conftest import Footage

NULL = Options(engine="null")


class Liar:
    """An engine that needs no ear, writes what the null engine writes, and says something else about it."""

    def __init__(self, **lies: object) -> None:
        self._lies = lies
        self._honest = NullEngine(NULL)

    @property
    def facts(self) -> EngineFacts:
        return EngineFacts(name="liar", version="1")

    def render(self, take: Take, video: Path, report: Report) -> Render:
        return replace(self._honest.render(take, video, report), **self._lies)


def take(footage: Footage, seconds: float = 0.6) -> Take:
    return Take(footage.video("face.mp4", count=5), footage.audio(seconds=seconds))


def render(studio: Studio, one: Take) -> Render:
    return studio.render(one, one.face.parent / "out.mp4", one.face.parent / "out.jpg", lambda _: None)


def test_the_render_says_where_the_video_lies_now(footage: Footage) -> None:
    made = render(load(NULL), take(footage))
    assert made.video == footage.folder / "out.mp4"
    assert made.video.exists()
    assert (footage.folder / "out.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_older_files_are_replaced(footage: Footage) -> None:
    for name in ("out.mp4", "out.jpg"):
        (footage.folder / name).write_text("old")
    made = render(load(NULL), take(footage))
    assert made.video.stat().st_size > 100


def test_an_engine_that_lies_is_caught(footage: Footage) -> None:
    with pytest.raises(EngineError, match="15 frames instead of 99"):
        render(Studio(Liar(frames=99), NULL), take(footage))
    assert not list(footage.folder.glob("out.*"))
    assert not list(footage.folder.glob(".*"))


def test_too_little_memory_is_a_passing_fault(footage: Footage, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object) -> Render:
        raise MemoryError

    monkeypatch.setattr(Liar, "render", greedy)
    with pytest.raises(EngineError, match=r"not enough memory for face\.mp4") as caught:
        render(Studio(Liar(), NULL), take(footage))
    assert caught.value.passing


def test_a_video_too_short_for_the_speech_is_caught(footage: Footage, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(Liar(), NULL)
    one = take(footage)
    heard = studio._ear.hear(one.speech)
    monkeypatch.setattr(studio._ear, "hear", lambda _: replace(heard, seconds=Fraction(3)))
    with pytest.raises(EngineError, match=r"0\.60 s of video for 3\.00 s of speech"):
        render(studio, one)


def test_the_speech_is_heard_once_per_content(footage: Footage) -> None:
    studio = load(NULL)
    one = take(footage)
    copy = footage.folder / "copy.wav"
    copy.write_bytes(one.speech.read_bytes())
    for speech in (one.speech, copy, one.speech):
        render(studio, replace(one, speech=speech))
    assert studio.speeches_heard == 1
    render(studio, replace(one, speech=footage.audio("other.wav", seconds=0.4)))
    assert studio.speeches_heard == 2


def test_a_folder_that_is_gone_is_a_passing_fault(footage: Footage, tmp_path: Path) -> None:
    studio, one = load(NULL), take(footage)
    with pytest.raises(StorageError) as caught:
        studio.render(one, tmp_path / "gone" / "a.mp4", tmp_path / "a.jpg", lambda _: None)
    assert caught.value.passing


def test_a_full_disk_names_the_file_it_was_to_be(
    footage: Footage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_video: Path, _at: float, out: Path, _retouch: object) -> None:
        raise StorageError(f"{out.name} cannot be written: No space left on device")

    monkeypatch.setattr("lipsync.studio.write_poster", full)
    with pytest.raises(StorageError, match=r"^a\.jpg cannot be written"):
        load(NULL).render(take(footage), tmp_path / "a.mp4", tmp_path / "a.jpg", lambda _: None)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("value", ["nothing.like.this:Engine", "lipsync.engines.null:NoEngine"])
def test_a_broken_plug_in_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint(name="odd", value=value, group="lipsyncd.engines")
    found = EntryPoints([point])
    monkeypatch.setattr(plugin, "entry_points", lambda **keys: found.select(**keys))
    with pytest.raises(EngineError, match="engine 'odd' is broken"):
        load(Options(engine="odd"))


def test_the_front_door_is_light() -> None:
    heavy = "{'torch', 'cv2', 'av', 'librosa', 'numpy'}"
    code = f"import sys, lipsync; lipsync.engine_names(); print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_side_by_side_keeps_the_order() -> None:
    assert list(side_by_side(lambda n: n * n, range(50), workers=3)) == [n * n for n in range(50)]


def test_side_by_side_holds_few() -> None:
    taken = []

    def items() -> object:
        for number in range(100):
            taken.append(number)
            yield number

    results = side_by_side(lambda n: n, items(), workers=2)
    next(results)
    assert len(taken) <= 4
    results.close()


def test_side_by_side_passes_errors_on() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(side_by_side(work, range(10), workers=2))
