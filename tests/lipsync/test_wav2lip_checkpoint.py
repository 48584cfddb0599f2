"""Weights that people bring: found by name, read without running anything in them, and refused in plain words."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.brought import published
from lipsync import shelf
from lipsync.errors import WeightsError
from lipsync.offer import Offer, offers
from lipsync.wav2lip import checkpoint as module
from lipsync.wav2lip import network
from lipsync.wav2lip.checkpoint import UNKNOWN, find, load

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Tensors:
    """A network of two layers: what is done with names and files does not depend on how many there are."""
    names = [name for name in network.SHAPES if name.startswith(("face_encoder_blocks.0.0", "output_block.0"))]
    monkeypatch.setattr(network, "SHAPES", {name: network.SHAPES[name] for name in names})
    return {name: torch.rand(network.SHAPES[name]) for name in names}


@pytest.fixture
def small(few: Tensors, folder: Path) -> Path:
    """Its checkpoint, in the folder of weights."""
    path = folder / "small.pth"
    torch.save(published(few), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    return path


def noted(path: Path, name: str, serves: str = "wav2lip") -> Path:
    """Put a note beside a file, as an import does."""
    path.write_bytes(b"x")
    offer = Offer(name=name, file=path.name, serves=serves, about="", licence="CC0", use="anything")
    shelf.write_paper(path, shelf.paper_for(path, offer, hashlib.sha256(b"x").hexdigest(), "file x"))
    return path


def test_by_name_by_file_and_by_path(folder: Path, tmp_path: Path) -> None:
    mine = noted(folder / "mine.pth", "my weights")
    other = noted(folder / "other.safetensors", "other")
    assert find(folder, "my weights") == mine
    assert find(folder, "mine") == mine
    assert find(folder, "other.safetensors") == other
    assert find(None, str(mine)) == mine
    for wanted in ("nobody", str(tmp_path / "nobody.pth")):
        with pytest.raises(WeightsError) as caught:
            find(folder, wanted)
        assert "nobody" in caught.value.message
        assert str(tmp_path) not in str(caught.value)


def test_the_only_one_that_fits(folder: Path) -> None:
    with pytest.raises(WeightsError, match="no weights yet"):
        find(folder, "")
    with pytest.raises(WeightsError, match="no weights yet"):
        find(None, "")
    noted(folder / "2DFAN.pth", "points", serves="face-alignment")
    (folder / "README.txt").write_text("hello")
    (folder / "half.pth.fetching").write_bytes(b"x")
    loose = folder / "loose.pt"
    loose.write_bytes(b"x")
    assert find(folder, "") == loose
    mine = noted(folder / "mine.pth", "mine")
    assert find(folder, "") == mine, "what is known to fit goes before what nobody knows"
    noted(folder / "second.pth", "second")
    with pytest.raises(WeightsError, match="several weights fit: loose, mine, second"):
        find(folder, "")


def test_a_known_file_needs_no_note(folder: Path) -> None:
    (folder / "wav2lip_gan.pth").write_bytes(b"x")
    assert find(folder, "wav2lip-gan") == folder / "wav2lip_gan.pth"
    assert find(folder, "") == folder / "wav2lip_gan.pth"


def forms() -> dict[str, Callable[[Path, Tensors], None]]:
    def old(path: Path, tensors: Tensors) -> None:
        torch.save(published(tensors), path, _use_new_zipfile_serialization=False)

    def bare(path: Path, tensors: Tensors) -> None:
        torch.save(tensors, path)

    def half(path: Path, tensors: Tensors) -> None:
        torch.save({"state_dict": {name: tensor.half() for name, tensor in tensors.items()}}, path)

    def safe(path: Path, tensors: Tensors) -> None:
        save_file({f"module.{name}": tensor for name, tensor in tensors.items()}, path)

    return {"old.pth": old, "bare.pt": bare, "half.pth": half, "safe.safetensors": safe}


@pytest.mark.parametrize("name", forms())
def test_every_form(name: str, few: Tensors, tmp_path: Path) -> None:
    path = tmp_path / name
    forms()[name](path, few)
    tensors, facts = load(path)
    assert tensors.keys() == few.keys()
    near = 2e-3 if name.startswith("half") else 0
    for key, tensor in few.items():
        torch.testing.assert_close(tensors[key].float(), tensor, rtol=near, atol=near)
    assert (facts.name, facts.licence) == (path.stem, UNKNOWN)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_whole_one(checkpoint: Path, random_weights: Tensors) -> None:
    tensors, facts = load(checkpoint)
    assert tensors.keys() == random_weights.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in random_weights.items())
    assert facts.name == "random"


def test_the_note_beside_it(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small
    sha256 = load(path)[1].sha256
    offer = Offer(name="my weights", file=path.name, serves="wav2lip", about="", licence="mine alone", use="")
    shelf.write_paper(path, shelf.paper_for(path, offer, sha256, "file small.pth"))
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)  # it is known already
        facts = load(path)[1]
    assert (facts.name, facts.licence, facts.sha256) == ("my weights", "mine alone", sha256)
    paper = shelf.paper_of(path)
    assert paper
    shelf.write_paper(path, replace(paper, sha256="0" * 64, seen=()))
    with pytest.raises(WeightsError, match="not the ones that were imported"):
        load(path)


def test_catalogue_knows_the_licence(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small.rename(small.with_name("wav2lip.pth"))
    sha256 = load(path)[1].sha256
    offer = offers()["wav2lip"]
    known = {"wav2lip": replace(offer, sha256=sha256)}
    monkeypatch.setattr(module, "offers", lambda folder=None: known)
    facts = load(path)[1]
    assert (facts.name, facts.licence) == ("wav2lip", offer.licence)
    known["wav2lip"] = replace(offer, bytes=path.stat().st_size)
    with pytest.raises(WeightsError, match="not the bytes that were published"):
        load(path)


class Trap:
    """Runs a program when it is unpickled by somebody careless."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return Path.touch, (self.mark,)  # type: ignore[return-value]


def test_a_program_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for path, zipped in ((tmp_path / "new.pth", True), (tmp_path / "old.pth", False)):
        torch.save({"state_dict": {"a": torch.zeros(1)}, "x": Trap(mark)}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(WeightsError, match="holds a program") as caught:
            load(path)
        assert "Nothing of it was run" in caught.value.hint
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(WeightsError):
        load(plain)
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99, 0.99999])
@pytest.mark.parametrize("name", ["new.pth", "old.pth", "safe.safetensors"])
def test_a_torn_file(name: str, share: float, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole.{name}", tmp_path / name
    tensors = {"face_encoder_blocks.0.0.conv_block.0.weight": torch.zeros(4000)}
    if name.startswith("safe"):
        save_file(tensors, whole)
    else:
        torch.save({"state_dict": tensors}, whole, _use_new_zipfile_serialization=name == "new.pth")
    data = whole.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(WeightsError, match=r"not whole|empty|no file of weights|damaged"):
        load(path)
    path.write_bytes(data[: int(share * len(data))].ljust(len(data), b"\0"))
    with pytest.raises(WeightsError):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page"),
        (b"\n  <html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 435807851\n", "pointer of Git LFS"),
        (b"GIF89a", "no file of weights"),
        (b"\0" * 4096, "begin with nothing"),
        (b"\x80\x02garbage", "damaged or not whole"),
        (pickle.dumps([1, 2, 3]), "damaged or not whole|holds no weights"),
        (b"PK\x03\x04" + b"\0" * 100, "not whole"),
    ],
)
def test_something_else(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wav2lip.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        load(path)
    assert caught.value.hint
    assert "wav2lip.pth" in caught.value.message
    assert str(tmp_path) not in str(caught.value)


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "photos.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"x")
    with pytest.raises(WeightsError):
        load(path)


def test_a_small_file_that_would_grow(small: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(small) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(WeightsError, match="packed archive"):
        load(bomb)


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_program(tmp_path: Path) -> None:
    path = tmp_path / "script.pth"
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)
    with pytest.raises(WeightsError, match="holds a program"):
        load(path)


def nested() -> torch.Tensor:
    with warnings.catch_warnings(action="ignore"):
        return torch.nested.nested_tensor([torch.zeros(3)])


def other_networks() -> dict[str, tuple[Callable[[Tensors], object], str]]:
    first = "face_encoder_blocks.0.0.conv_block.0.weight"
    return {
        "expert": (lambda _: {"state_dict": {"face_encoder.0.conv_block.0.weight": torch.zeros(1)}}, "SyncNet"),
        "detector": (lambda _: {"conv1_1.weight": torch.zeros(1)}, "another network"),
        "nothing": (lambda _: {"state_dict": {}}, "another network"),
        "no names": (lambda _: [torch.zeros(1)], "holds no weights by name"),
        "numbers": (lambda _: {"state_dict": 3}, "holds no weights by name"),
        "lacking": (lambda known: {key: known[key] for key in known if key != first}, "1 of 12 parts are missing"),
        "larger": (lambda known: known | {first: torch.zeros(16, 6, 9, 9)}, "another size"),
        "more": (lambda known: known | {"face_decoder_blocks.7.0.conv_block.0.bias": torch.zeros(3)}, "another size"),
        "broken": (lambda known: known | {first: torch.full((16, 6, 7, 7), torch.nan)}, "not all of them are numbers"),
        "whole": (lambda known: known | {first: torch.ones((16, 6, 7, 7), dtype=torch.int8)}, "not all of them"),
        "nowhere": (lambda known: known | {first: torch.empty((16, 6, 7, 7), device="meta")}, "not all of them"),
        "eighths": (
            lambda known: known | {first: torch.ones((16, 6, 7, 7)).to(torch.float8_e4m3fn)},
            "not all of them",
        ),
        "nested": (lambda known: known | {first: nested()}, "another size"),
        "variance": (
            lambda known: known | {"output_block.0.conv_block.1.running_var": torch.full((32,), -1.0)},
            "not all of them are numbers",
        ),
    }


@pytest.mark.parametrize("name", other_networks())
def test_another_network(name: str, few: Tensors, tmp_path: Path) -> None:
    made, said = other_networks()[name]
    path = tmp_path / "wav2lip.pth"
    torch.save(made(few), path)
    with pytest.raises(WeightsError, match=said) as caught:
        load(path)
    assert caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        load(tmp_path / "gone.pth")


def test_finding_loads_no_torch(folder: Path) -> None:
    (folder / "wav2lip.pth").write_bytes(b"x")
    program = "import sys; from pathlib import Path; from lipsync.wav2lip.checkpoint import find; "
    program += "find(Path(sys.argv[1]), ''); sys.exit('torch' in sys.modules)"
    assert not subprocess.run([sys.executable, "-c", program, str(folder)], check=False).returncode
