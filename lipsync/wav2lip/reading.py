"""Tensors out of a file that somebody brought: nothing in it is run, and what is wrong is said plainly."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.errors import WeightsError
from lipsync.wav2lip.program import is_program, tensors_of_program

if TYPE_CHECKING:
    from torch import Tensor

AGAIN = "Fetch or copy it again."
OTHER = "`lipsyncd models list` shows which weights fit."
CODE = ("unsupported global", "unsupported class", "torchscript")
"""What torch says of files that are, or may be, more than numbers."""


def tensors_of(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by name, from a file of torch (old, new or program) or of safetensors.

    Of a file in torch's new form or of safetensors, only what is looked at later is read from the disk.

    Raises:
        WeightsError: It cannot be read, is torn, is something else, or holds more than numbers.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise WeightsError(
            f"the weights {file.name} cannot be read: {error.strerror}", "Look at its rights."
        ) from error
    if _safe(head):
        return _of_safetensors(file, head, size)
    if is_program(file):
        return tensors_of_program(file)
    return _flat(file, _of_torch(file, head))


def _safe(head: bytes) -> bool:
    """Whether it starts as safetensors do: the length of a list in braces, then the list."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27


def _of_safetensors(file: Path, head: bytes, size: int) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if size < 8 + int.from_bytes(head[:8], "little"):
        raise WeightsError(f"the weights {file.name} are not whole", AGAIN)
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsError(f"the weights {file.name} are damaged or not whole", AGAIN) from error


def _of_torch(file: Path, head: bytes) -> object:
    import torch

    zipped = head.startswith(b"PK\x03\x04")
    if not zipped and not head.startswith(b"\x80"):
        raise _something_else(file, head)
    if zipped:
        _see_unpacked(file)
    try:
        with warnings.catch_warnings(action="ignore"):  # what torch thinks of old files helps nobody
            return torch.load(file, map_location="cpu", weights_only=True, mmap=zipped)
    except (pickle.UnpicklingError, RuntimeError, NotImplementedError) as error:
        raise _refused(file, str(error).lower()) from error
    except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise WeightsError(f"the weights {file.name} are damaged or not whole", AGAIN) from error
    except (AssertionError, MemoryError, RecursionError, struct.error) as error:
        raise WeightsError(f"the weights {file.name} are damaged", AGAIN) from error


def _see_unpacked(file: Path) -> None:
    """See that nothing in a zip is packed: torch packs nothing, and a small file could grow beyond all memory.

    Raises:
        WeightsError: Something is, or it is torn.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            packed = any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist())
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise WeightsError(f"the weights {file.name} are not whole", AGAIN) from error
    if packed:
        raise WeightsError(f"{file.name} is a packed archive, not a file of weights", "Bring what is in it, unpacked.")


def _something_else(file: Path, head: bytes) -> WeightsError:
    start = head.lstrip().lower()
    if not head:
        return WeightsError(f"the weights {file.name} are empty", AGAIN)
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return WeightsError(
            f"{file.name} is a web page, not weights", "Its site wanted an answer: get the file itself."
        )
    if start.startswith(b"version https://git-lfs"):
        return WeightsError(f"{file.name} is only a pointer of Git LFS", "Get the file itself: `git lfs pull`.")
    if not any(head):
        return WeightsError(f"the weights {file.name} are not whole: they begin with nothing", AGAIN)
    return WeightsError(f"{file.name} is no file of weights", OTHER)


def _refused(file: Path, said: str) -> WeightsError:
    if any(sign in said for sign in CODE):
        hint = "Nothing of it was run. Bring a checkpoint that holds weights only."
        return WeightsError(f"{file.name} holds a program, not only weights", hint)
    return WeightsError(f"the weights {file.name} are damaged or not whole", AGAIN)


def _flat(file: Path, held: object) -> dict[str, Tensor]:
    """Give the tensors of what torch has read, under ``state_dict`` or at the top."""
    from torch import Tensor

    state: Any = held.get("state_dict", held) if isinstance(held, Mapping) else None
    if not isinstance(state, Mapping):
        raise WeightsError(f"{file.name} holds no weights by name", OTHER)
    return {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
