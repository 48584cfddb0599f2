"""The weights in the package: found by name, checked against the catalogue, loaded without unpickling anything.

``catalogue.json`` beside this file holds one entry per file: name, file, bytes, sha256, licence, trained_on.
``training/`` writes both with :func:`enter`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import WeightsError
from lipsync.take import Weights

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).parent
CATALOGUE = FOLDER / "catalogue.json"


def catalogue() -> dict[str, dict[str, str | int]]:
    """What the package carries, by name; empty where nothing was trained yet."""
    if not CATALOGUE.exists():
        return {}
    entries: list[dict[str, str | int]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))["weights"]
    return {str(entry["name"]): entry for entry in entries}


def load(name: str, device: str = "cpu") -> tuple[dict[str, Tensor], Weights]:
    """Give the tensors of ``name``, after checking that the file is the one in the catalogue.

    Raises:
        WeightsError: Not in the catalogue, missing, or other bytes than the catalogue says.
    """
    from safetensors.torch import load as load_tensors

    entry = catalogue().get(name)
    if entry is None:
        raise WeightsError(f"no weights called {name}", "Reinstall lipsyncd.")
    path = FOLDER / str(entry["file"])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"the weights {path.name} cannot be read", "Reinstall lipsyncd.") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise WeightsError(f"the weights {path.name} are damaged", "Reinstall lipsyncd.")
    tensors = {key: tensor.to(device) for key, tensor in load_tensors(data).items()}
    return tensors, Weights(name=name, sha256=str(entry["sha256"]), licence=str(entry["licence"]))


def enter(name: str, tensors: dict[str, Tensor], licence: str, trained_on: str) -> Path:
    """Write ``name``.safetensors and its catalogue entry; for ``training/`` only."""
    from safetensors.torch import save

    path = FOLDER / f"{name}.safetensors"
    data = save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    path.write_bytes(data)
    entries = catalogue()
    entries[name] = {
        "name": name,
        "file": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": licence,
        "trained_on": trained_on,
    }
    text = json.dumps({"weights": [entries[key] for key in sorted(entries)]}, indent=2, ensure_ascii=False)
    CATALOGUE.write_text(text + "\n", encoding="utf-8")
    return path
