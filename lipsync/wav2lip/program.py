"""Program: the numbers out of a TorchScript file, with nothing in it run.

Such a file is a zip: code, and a pickle of the modules as the code left them. The pickle is read by a reader that knows
modules (as bags of attributes), tensors and lists, and refuses every other word; the code is not looked at.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

AGAIN = "Fetch or copy it again."
DTYPES = {"FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "LongStorage": "int64"}
LARGEST = 16 << 20
"""Bytes of the pickle: it holds names and shapes, and no numbers."""
MOST, DEEPEST = 10_000, 32
"""Modules and tensors, and modules within modules: a file may name one a thousand times over."""
TORN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    struct.error,
    RuntimeError,
)
"""What a file can end in that is not what it claims to be."""


def is_program(file: Path) -> bool:
    """Whether it is a zip with code in it, as TorchScript writes them."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except TORN:
        return False


def tensors_of_program(file: Path) -> dict[str, Tensor]:
    """Read the tensors by name, as ``state_dict`` of the module would name them.

    Raises:
        WeightsError: It is torn, or holds more than modules and numbers.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            name = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
            if archive.getinfo(name).file_size > LARGEST:
                raise pickle.UnpicklingError("too large")
            data = archive.read(name)
            _look_over(data)
            whole = _Reader(io.BytesIO(data), archive, name.removesuffix("data.pkl")).load()
            named = dict(_named(whole, "", [0])) if isinstance(whole, _Module) else {}
    except (StopIteration, *TORN) as error:
        said = f"{file.name} is a program that cannot be read without running it, or torn"
        raise WeightsError(said, AGAIN) from error
    if not named:
        raise WeightsError(f"{file.name} holds a program and no weights by name", "Nothing of it was run.")
    return named


def _look_over(data: bytes) -> None:
    """See that no word takes more than it brings: a few bytes can have a reader make room for thousands of millions.

    Raises:
        UnpicklingError: One does.
        ValueError: It is no pickle.
    """
    for word, number, _ in pickletools.genops(data):
        if word.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(number or 0) > len(data):
            raise pickle.UnpicklingError("it counts what is not there")


class _Module:
    """A bag of attributes."""

    __slots__ = ("held",)

    def __setstate__(self, state: object) -> None:
        self.held: object = state


class _Numbers:
    """Holds a tensor, which a pickle could set up anew: of this, it can change nothing that matters."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: object) -> None:
        self.tensor = tensor


class _Rebuild:
    """Gives a whole piece of the numbers; steps that leave some out are none of ours."""

    __slots__ = ()

    def __call__(self, store: Any, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Any:
        from torch import Tensor

        if not isinstance(store, _Numbers) or not isinstance(store.tensor, Tensor):
            raise pickle.UnpicklingError("no numbers")
        count = math.prod(shape)
        plain = [math.prod(shape[index + 1 :]) for index in range(len(shape))]
        steps = all(own == step or size == 1 for own, step, size in zip(plain, stride, shape, strict=True))
        if not steps or min((offset, *shape)) < 0 or offset + count > store.tensor.numel():
            raise pickle.UnpicklingError("no whole piece")
        return _Numbers(store.tensor[offset : offset + count].reshape(shape))


class _Hooks:
    """Stands for an ordered dictionary, which is always empty here."""

    __slots__ = ()

    def __call__(self) -> None:
        """Give nothing."""


class _Listed:
    """Stands for what gives a list its kind."""

    __slots__ = ()

    def __call__(self, value: object) -> object:
        return value


class _Reader(pickle.Unpickler):
    """Reads modules and tensors, and nothing else."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stream)
        self._archive = archive
        self._root = root
        self._stores: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Give what stands for a word of the pickle; none of the file's own choosing."""
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Rebuild()
        if (module, name) == ("collections", "OrderedDict"):
            return _Hooks()
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return _Listed()
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """Give the numbers that tensors are views of."""
        import torch

        kind, dtype, key, _, _ = pid
        if kind != "storage" or dtype not in DTYPES.values() or not (isinstance(key, str) and key.isdecimal()):
            raise pickle.UnpicklingError("no numbers")
        if key not in self._stores:
            facts = self._archive.getinfo(f"{self._root}data/{key}")
            if facts.compress_type != zipfile.ZIP_STORED:
                raise pickle.UnpicklingError("packed")
            raw = bytearray(self._archive.read(facts))
            numbers = getattr(torch, dtype)
            self._stores[key] = torch.frombuffer(raw, dtype=numbers) if raw else torch.empty(0, dtype=numbers)
        return _Numbers(self._stores[key])


def _named(module: _Module, above: str, seen: list[int]) -> list[tuple[str, Tensor]]:
    """Give the tensors below a module with their names."""
    from torch import Tensor

    found: list[tuple[str, Tensor]] = []
    held = getattr(module, "held", None)
    for name, value in held.items() if isinstance(held, dict) else ():
        seen[0] += 1
        if seen[0] > MOST or above.count(".") > DEEPEST:
            raise pickle.UnpicklingError("too much")
        if isinstance(value, _Module):
            found += _named(value, f"{above}{name}.", seen)
        elif isinstance(value, _Numbers) and isinstance(value.tensor, Tensor):
            found.append((f"{above}{name}", value.tensor))
    return found
