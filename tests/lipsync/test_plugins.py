"""The plug-ins of docs/engines.md, as a reader would: taken from the page, installed somewhere, used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lipsync import Options, program_faults
from lipsync.media import open_face

if TYPE_CHECKING:
    from conftest import Footage

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
pytest.importorskip("setuptools", reason="setuptools builds the example")


def files() -> dict[str, str]:
    """Every file on the page that has a name, by that name."""
    found = re.findall(r"^`([\w.]+)`[^\n]*\n\n```\w+\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return dict(found)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which both plug-ins are installed."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    named = files()
    project = named["pyproject.toml"].replace('["lipsyncd_bar"]', '["lipsyncd_bar", "lipsyncd_left"]')
    project += '[project.entry-points."lipsyncd.trackers"]\nleft = "lipsyncd_left:LeftTracker"\n'
    for name, text in {**named, "pyproject.toml": project}.items():
        (source / name).write_text(text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    pip += ["--disable-pip-version-check", "--target", str(target), str(source)]
    ran = subprocess.run(pip, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return target


def run(installed: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_the_page_has_what_is_spoken_of() -> None:
    assert set(files()) == {"pyproject.toml", "lipsyncd_bar.py", "lipsyncd_left.py"}
    assert len(files()["lipsyncd_bar.py"].splitlines()) < 50


def test_the_engine_of_the_page_makes_a_video(installed: Path, footage: Footage) -> None:
    face, speech = footage.video("face.mp4", count=8, size=(96, 90)), footage.audio(seconds=0.5)
    out = footage.folder / "out"
    answer = run(installed, "-m", "daemon", "render", speech, face, "-o", out, "--engine", "bar", "--device", "cpu")
    assert answer.returncode == 0, answer.stderr
    assert '"name": "bar"' in (out / "manifest.json").read_text(encoding="utf-8")
    frames = list(open_face(out / "face.mp4", Options()).frames())
    assert len(frames) == 13
    lit = [int((frame.planes[0][-4:].mean(0) > 200).sum()) for frame in frames]
    assert 8 < np.median(lit) < 24, "a tone of a quarter of full scale"


def test_the_tracker_of_the_page_is_found_and_chooses(installed: Path) -> None:
    script = """if True:
        from lipsync import plugin, tracker_names
        from lipsync.tracker import LandmarkTracker
        kind = plugin.find("lipsyncd.trackers", "left")
        LandmarkTracker.track = lambda self, frames, pick, report, who=None: pick
        print(issubclass(kind, LandmarkTracker), kind.__new__(kind).track([], "largest", print), tracker_names())
        """
    answer = run(installed, "-c", script)
    assert answer.stdout.startswith("True left ["), answer.stderr
    assert "'left'" in answer.stdout


@pytest.mark.soak
def test_the_tracker_of_the_page_tracks(installed: Path, sample: Path) -> None:
    script = """if True:
        import sys
        from pathlib import Path
        from lipsync import Options
        from lipsync.media import open_face
        from lipsync.tracker import load_tracker
        source = open_face(Path(sys.argv[1]), Options(width=320, height=320))
        print(load_tracker("left", "cpu").track(source.frames(), "largest", lambda _: None).present.all())
        """
    answer = run(installed, "-c", script, sample / "astronaut.jpg")
    assert answer.stdout.strip() == "True", answer.stderr


def arguments() -> Iterator[list[str]]:
    """Every example of a program's arguments on the page."""
    import tomllib

    for block in re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        table = tomllib.loads(block)
        argv = table.get("argv") or table.get("render", {}).get("command", {}).get("argv")
        if argv:
            yield argv


def test_the_examples_of_programs_are_sound() -> None:
    examples = list(arguments())
    assert len(examples) == 7
    assert [program_faults(argv) for argv in examples] == [[]] * 7
