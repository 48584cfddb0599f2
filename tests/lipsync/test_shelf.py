"""The shelf of brought weights: the catalogue, notes, what is recognised, and what is refused in words."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import lipsync
from lipsync import WeightsError, intake, shelf
from lipsync.offer import KNOWN, plain, promised

DATA = b"some weights " * 1000
SHA = hashlib.sha256(DATA).hexdigest()
OURS = ["w.part", "w.pth.paper.json", "catalogue.json", "w.part.json", "w.lock"]
UGLY = ["a\\b", "a\0b", "a\nb", "-rf", "x" * 300, " w", "w ", "a:b", "w\u202e", "w\x1b[1m"]
HOSTILE = ["", ".", "..", "../up", "/etc/passwd", "a/b", ".hidden", *OURS, *UGLY]


def write(folder: Path, *entries: dict[str, Any]) -> None:
    house = {"name": "house", "file": "house.pth", "serves": "wav2lip", "sha256": SHA}
    folder.mkdir(exist_ok=True)
    text = json.dumps({"weights": [house | entry for entry in entries]})
    (folder / "catalogue.json").write_text(text, encoding="utf-8")


def state(folder: Path, **how: bool) -> dict[str, str]:
    return {one.path.name: one.state for one in lipsync.holdings(folder, **how)}


def test_the_catalogue_says_what_a_person_must_know() -> None:
    known = lipsync.offers()
    assert {"wav2lip", "wav2lip-gan", "face-alignment-2d", "face-alignment-detector"} <= set(known)
    for name, offer in known.items():
        assert plain(name), name
        assert plain(offer.file), name
        assert offer.licence, name
        assert offer.use, name
        assert offer.page.startswith("https://"), name
        assert len(offer.sha256) == 64, name
        assert all(url.startswith("https://") for url in offer.urls), name
        assert offer.sha256.startswith(promised(offer.file)), name
    assert {offer.commercial for offer in known.values() if offer.serves == "wav2lip"} == {False}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["name", "file"])
def test_hostile_names_in_a_catalogue_are_refused(tmp_path: Path, field: str, name: str) -> None:
    write(tmp_path, {field: name})
    with pytest.raises(WeightsError, match=r"catalogue\.json"):
        lipsync.offers(tmp_path)


@pytest.mark.parametrize("name", ["w.pth", "权重.pth", "poids d'été.safetensors", "a-b_c.1.tar"])
def test_names_in_any_language(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"name": name, "file": name})
    assert lipsync.offers(tmp_path)[name].file == name


@pytest.mark.parametrize(
    "entry",
    [
        {"sha256": "xyz"},
        {"sha256": "abc"},
        {"sha256": "g" * 64},
        {"sha256": "a" * 65},
        {"bytes": -1},
        {"bytes": "many"},
        {"urls": ["ftp://x/y"]},
        {"urls": ["javascript:x"]},
        {"urls": ["https://x/\ny"]},
        {"urls": ["http://[::1"]},
        {"urls": 5},
        {"name": "wav2lip"},
        {"file": "wav2lip.pth"},
    ],
)
def test_entries_that_cannot_be(tmp_path: Path, entry: dict[str, Any]) -> None:
    write(tmp_path, entry)
    with pytest.raises(WeightsError, match=r"catalogue\.json"):
        lipsync.offers(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"weights": 5}', '{"weights": [5]}', "[" * 99999, "\udcff"])
def test_catalogues_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalogue.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(WeightsError, match=r"catalogue\.json"):
        lipsync.offers(tmp_path)


def test_one_name_for_two_is_refused(tmp_path: Path) -> None:
    for other in ({"name": "other"}, {"file": "other.pth"}, {}):
        write(tmp_path, {}, other)
        with pytest.raises(WeightsError):
            lipsync.offers(tmp_path)
    write(tmp_path, {}, {"name": "other", "file": "other.pth"})
    assert {"house", "other"} <= set(lipsync.offers(tmp_path))


def test_no_folder_is_an_empty_shelf(tmp_path: Path) -> None:
    assert lipsync.brought(None) == {}
    assert lipsync.brought(tmp_path / "nowhere") == {}


def test_states(tmp_path: Path) -> None:
    write(tmp_path, {}, {"name": "bad", "file": "bad.pth"}, {"name": "unsure", "file": "unsure.pth", "sha256": ""})
    (tmp_path / "house.pth").write_bytes(DATA)
    (tmp_path / "bad.pth").write_bytes(DATA[:-1])
    (tmp_path / "unsure.pth").write_bytes(DATA)
    (tmp_path / "mine.pth").write_bytes(DATA)
    (tmp_path / "wav2lip.pth").write_bytes(DATA)
    (tmp_path / "s3fd-619a316812.pth").write_bytes(DATA)
    (tmp_path / "bad.pth.part").write_bytes(DATA)
    (tmp_path / ".house.pth.123").write_bytes(DATA)
    (tmp_path / "linked.pth").symlink_to(tmp_path / "house.pth")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.pth")
    assert state(tmp_path) == {
        "bad.pth": "damaged",
        "bad.pth.part": "partial",
        "house.pth": "usable",
        "mine.pth": "unknown",
        "s3fd-619a316812.pth": "damaged",
        "wav2lip.pth": "unknown",
        "unsure.pth": "unknown",
    }
    assert not list(tmp_path.glob("*.paper.json")), "looking writes nothing"
    (one,) = lipsync.brought(tmp_path).values()
    assert (one.name, one.sha256, one.serves) == ("house", SHA, "wav2lip")


def test_nothing_is_hashed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {})
    (tmp_path / "house.pth").write_bytes(DATA)
    assert state(tmp_path, remember=True) == {"house.pth": "usable"}
    hashed: list[object] = []
    real = hashlib.file_digest
    monkeypatch.setattr(shelf.hashlib, "file_digest", lambda *args: hashed.append(args) or real(*args))
    assert state(tmp_path) == {"house.pth": "usable"}
    assert hashed == []
    assert state(tmp_path, verify=True) == {"house.pth": "usable"}
    assert len(hashed) == 1
    (tmp_path / "house.pth").write_bytes(b"other")
    assert state(tmp_path) == {"house.pth": "damaged"}


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"name": 5}', "[" * 99999])
def test_a_torn_note_is_no_note(tmp_path: Path, text: str) -> None:
    write(tmp_path, {})
    (tmp_path / "house.pth").write_bytes(DATA)
    (tmp_path / "house.pth.paper.json").write_text(text)
    assert state(tmp_path) == {"house.pth": "usable"}


def test_a_shelf_that_cannot_be_written_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {})
    (tmp_path / "house.pth").write_bytes(DATA)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(shelf, "write_paper", refuse)
    assert state(tmp_path, remember=True) == {"house.pth": "usable"}


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("w.pth", b"", "is empty"),
        ("w.pth", b"<!DOCTYPE html><title>Sign in</title>", "is a page"),
        ("w.pth", b"  <html>", "is a page"),
        ("w.pth", b'{"error": "quota"}', "is a page"),
        ("w.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "pointer of Git LFS"),
        ("s3fd-619a316812.pth", b"half of it", "is damaged"),
        ("notes.txt", b"just some words", "notes"),
        ("w.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "safetensors"),
    ],
)
def test_what_is_something_else_is_refused_in_words(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=word) as caught:
        lipsync.recognise(path, tmp_path / "weights")
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


def test_programs_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "Wav2Lip-SD-GAN.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Wav2Lip/constants.pkl", b"x")
        archive.writestr("Wav2Lip/code/__torch__.py", b"raise SystemExit")
    with pytest.raises(WeightsError, match="program that cannot be read without running it"):
        lipsync.recognise(path, tmp_path)


def test_a_pipe_or_folder_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(WeightsError, match="no file"):
            lipsync.recognise(path, tmp_path)


def test_a_catalogued_file_comes_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path / "weights", {})
    (tmp_path / "x").write_bytes(DATA)
    found = lipsync.recognise(tmp_path / "x", tmp_path / "weights", "my name")
    assert found.known
    path = lipsync.take_in(tmp_path / "x", tmp_path / "weights", found)
    assert path.name == "house.pth"
    assert path.read_bytes() == DATA
    assert sorted(one.name for one in path.parent.iterdir()) == ["catalogue.json", "house.pth", "house.pth.paper.json"]
    path.write_bytes(b"rotten")
    assert lipsync.take_in(tmp_path / "x", path.parent, found).read_bytes() == DATA, "a damaged one is replaced"
    assert lipsync.take_in(path, path.parent, found) == path, "one that lies there already is only noted"


def test_somebodys_own_file_is_never_replaced(tmp_path: Path) -> None:
    write(tmp_path / "weights", {"bytes": len(DATA)})
    (tmp_path / "x").write_bytes(DATA)
    (tmp_path / "weights" / "house.pth").write_bytes(b"months of work")
    found = lipsync.recognise(tmp_path / "x", tmp_path / "weights")
    with pytest.raises(WeightsError, match=r"another house\.pth"):
        lipsync.take_in(tmp_path / "x", tmp_path / "weights", found)
    assert (tmp_path / "weights" / "house.pth").read_bytes() == b"months of work"


def test_what_changes_while_it_is_copied_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path / "weights", {})
    (tmp_path / "x").write_bytes(DATA)
    found = lipsync.recognise(tmp_path / "x", tmp_path / "weights")
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="changed"):
        lipsync.take_in(tmp_path / "x", tmp_path / "weights", found)
    assert [one.name for one in (tmp_path / "weights").iterdir()] == ["catalogue.json"]


def checkpoint(path: Path, fill: float = 0.5) -> Path:
    """A checkpoint in the published form, a few kB small: every tensor is one number seen from many sides."""
    import torch

    from lipsync.wav2lip.network import SHAPES

    state = {f"module.{name}": torch.full((1,), fill).expand(shape) for name, shape in SHAPES.items()}
    torch.save({"state_dict": state, "optimizer": None, "global_step": 1}, path)
    return path


def test_a_checkpoint_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    mine = checkpoint(tmp_path / "mine.pth.tar")
    found = lipsync.recognise(mine, folder)
    assert (found.known, found.offer.name, found.offer.file, found.offer.serves) == (
        False,
        "mine",
        "mine.pth",
        "wav2lip",
    )
    assert lipsync.take_in(mine, folder, found).name == "mine.pth"
    assert lipsync.take_in(mine, folder, found).name == "mine.pth", "the same once more is no fault"
    (one,) = lipsync.brought(folder).values()
    assert (one.name, one.state, one.source) == ("mine", "usable", "file mine.pth.tar")
    assert "not known" in one.licence
    other = checkpoint(tmp_path / "mine.pth", 0.25)
    with pytest.raises(WeightsError, match=r"another mine\.pth"):
        lipsync.take_in(other, folder, lipsync.recognise(other, folder))
    assert lipsync.take_in(other, folder, lipsync.recognise(other, folder, "our voice")).name == "our voice.pth"
    assert sorted(lipsync.brought(folder)) == ["mine", "our voice"]


def test_one_of_ones_own_cannot_pass_for_a_published_one(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "wav2lip.pth")
    with pytest.raises(WeightsError, match="not the published wav2lip"):
        lipsync.recognise(path, tmp_path / "weights")
    assert lipsync.recognise(path, tmp_path / "weights", "wav2lip by us").offer.file == "wav2lip by us.pth"
    for name in ("../up", "wav2lip_gan", ".x", "catalogue.json/x"):
        with pytest.raises(WeightsError):
            lipsync.recognise(path, tmp_path / "weights", name)


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path}/ran",)

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Evil()}, protocol=2))
    with pytest.raises(WeightsError):
        lipsync.recognise(tmp_path / "evil.pth", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_looking_at_the_shelf_loads_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, lipsync; from pathlib import Path; lipsync.holdings(Path(sys.argv[1])); lipsync.offers();"
        "print({'torch', 'numpy', 'cv2', 'httpx'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


def test_the_catalogue_is_in_the_package() -> None:
    assert KNOWN.is_file()
    assert max(offer.bytes for offer in lipsync.offers().values()) < intake.LARGEST
