"""TorchScript files, as Wav2Lip's authors give them now: read for their numbers, never run."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lipsync import WeightsError
from lipsync.wav2lip import program
from lipsync.wav2lip.program import is_program, tensors_of_program


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_block = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
        self.residual = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv_block(x))


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = torch.nn.ModuleList([torch.nn.Sequential(Block(), Block())])
        self.sizes: list[int] = [1, 2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.face_encoder_blocks:
            x = block[0](x)
        return x


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripted") / "Wav2Lip-SD-GAN.pt"
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(Net().eval()).save(str(path))
    return path


def changed(path: Path, target: Path, change: Callable[[str, bytes], bytes], pack: int = zipfile.ZIP_STORED) -> Path:
    """The same file with other contents."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", pack) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def test_every_number_under_its_name(scripted: Path) -> None:
    assert is_program(scripted)
    found = tensors_of_program(scripted)
    with warnings.catch_warnings(action="ignore"):
        expected = torch.jit.load(str(scripted)).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) and found[name].dtype == expected[name].dtype for name in found)


def test_a_traced_half_of_it(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        traced = torch.jit.trace(Block().eval(), torch.zeros(1, 2, 8, 8))
        torch.jit.save(traced.half(), tmp_path / "traced.pt")
    found = tensors_of_program(tmp_path / "traced.pt")
    assert found["conv_block.0.weight"].dtype == torch.float16


def test_the_code_is_not_looked_at(scripted: Path, tmp_path: Path) -> None:
    torn = changed(scripted, tmp_path / "x.pt", lambda name, data: b"import os" if name.endswith(".py") else data)
    assert tensors_of_program(torn).keys() == tensors_of_program(scripted).keys()


@pytest.mark.parametrize("word", ["os system", "builtins eval", "torch load", "torch._utils _rebuild_parameter"])
def test_no_other_word_is_known(scripted: Path, tmp_path: Path, word: str) -> None:
    module, _, name = word.partition(" ")
    evil = f"c{module}\n{name}\n(S'touch {tmp_path}/ran'\ntR.".encode()
    path = changed(scripted, tmp_path / "x.pt", lambda part, data: evil if part.endswith("/data.pkl") else data)
    with pytest.raises(WeightsError, match="without running it"):
        tensors_of_program(path)
    assert not (tmp_path / "ran").exists()


def test_numbers_are_held_to_what_is_there(scripted: Path, tmp_path: Path) -> None:
    short = changed(scripted, tmp_path / "x.pt", lambda name, data: data[:-4] if "/data/" in name else data)
    packed = changed(scripted, tmp_path / "y.pt", lambda _, data: data, zipfile.ZIP_DEFLATED)
    for path in (short, packed):
        with pytest.raises(WeightsError, match="without running it"):
            tensors_of_program(path)


def test_a_file_that_names_one_module_without_end(scripted: Path, tmp_path: Path) -> None:
    many = b"c__torch__\nM\n)\x81}"
    for _ in range(40):  # each holds the one below twice
        many = b"c__torch__\nM\n)\x81}(X\x01\x00\x00\x00a" + many + b"bq\x00X\x01\x00\x00\x00bh\x00u"
    path = changed(scripted, tmp_path / "x.pt", lambda part, data: many + b"b." if part.endswith("/data.pkl") else data)
    with pytest.raises(WeightsError):
        tensors_of_program(path)


@pytest.mark.parametrize(
    "evil",
    [
        b"\x80\x02Nr\xff\xff\xff\x3f.",  # has the reader remember something as the number 1,073,741,823
        b"\x80\x02Np1073741823\n.",
        b"\x80\x05\x96\x00\x00\x00\x00\x04\x00\x00\x00.",  # an array of 16 GiB, none of which is there
    ],
)
def test_a_few_bytes_take_no_memory(scripted: Path, tmp_path: Path, evil: bytes) -> None:
    path = changed(scripted, tmp_path / "x.pt", lambda part, data: evil if part.endswith("/data.pkl") else data)
    script = "import resource, sys; from pathlib import Path; from lipsync.wav2lip.program import tensors_of_program\n"
    script += "try: tensors_of_program(Path(sys.argv[1]))\n"
    script += "except Exception as error: print(repr(error.__cause__)); raise SystemExit(0)"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))\n"
    ended = subprocess.run(
        [sys.executable, "-c", limit + script, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert "MemoryError" not in ended.stdout
    assert not ended.stderr


def test_a_large_pickle_is_not_read(scripted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "LARGEST", 100)
    with pytest.raises(WeightsError):
        tensors_of_program(scripted)


def test_any_byte_may_be_wrong(scripted: Path, tmp_path: Path) -> None:
    whole = scripted.read_bytes()
    with zipfile.ZipFile(scripted) as archive:
        pickled = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    begin = whole.index(pickled)
    path = tmp_path / "x.pt"
    for index in range(0, len(pickled), 7):
        path.write_bytes(whole[: begin + index] + bytes([whole[begin + index] ^ 0x2A]) + whole[begin + index + 1 :])
        with pytest.raises(WeightsError):  # the zip's own sum sees to it
            tensors_of_program(path)
    for index in range(0, len(pickled), 7):
        bent = pickled[:index] + bytes([pickled[index] ^ 0x2A]) + pickled[index + 1 :]
        try:
            found = program._Reader(io.BytesIO(bent), zipfile.ZipFile(scripted), "Wav2Lip-SD-GAN/").load()
        except (*program.TORN, pickle.UnpicklingError):
            continue
        assert found is not None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"x" * 1000])
def test_other_files_are_no_programs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert not is_program(tmp_path / "x")
