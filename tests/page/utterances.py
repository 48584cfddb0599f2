"""Utterances: what the code can say to people of drops, jobs, machines and publishers, read off the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import daemon.page
import lipsync
import publishers

PACKAGES = tuple(Path(str(one.__file__)).parent for one in (daemon, lipsync, publishers))
_SPEAKS = frozenset(
    {
        "DropError",
        "EmptyFileError",
        "JobError",
        "JournalError",
        "LaterError",
        "DiskError",
        "Refusal",
        "Check",
        "Examination",
    }
    | {"MediaError", "LimitError", "StorageError", "NoFaceError", "WeightsError", "LabelError", "EngineError"}
    | {"Unreachable", "Refused", "Mismatch", "Unstorable", "PublisherError", "SigningError"}
)
"""What is called with sentences for people: what happened, then what to do."""
_LEFT_OUT = ("commands", "page/password", "fetch", "http_download", "models_", "shelf", "offer", "catalogue")
"""Parts of paths: what only the command line says."""
_NAMED = frozenset({"message", "hint", "advice", "said", "what", "text"})


def utterances() -> dict[str, str]:
    """Give all of them with where they are said; holes are filled with names that stand nowhere else."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            place = path.relative_to(package.parent).as_posix()
            if not any(part in place for part in _LEFT_OUT):
                for line, text in _said(ast.parse(path.read_text(encoding="utf-8"))):
                    found.setdefault(text, f"{place}:{line}")
    return found


def _said(tree: ast.Module) -> Iterator[tuple[int, str]]:
    named = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in _SPEAKS:
            skip = 2 if _called(node.func) in ("Check", "Examination") else 0
            told = [*node.args[skip : skip + 2], *(one.value for one in node.keywords if one.arg in _NAMED)]
            for part in told:
                for text in _texts(part, named):
                    if " " in text.strip():
                        yield node.lineno, text


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _constants(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Give what names stand for that hold a sentence, anywhere in a module."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in _NAMED or name.isupper():
                found.setdefault(name, []).append(node.value)
    return found


def _texts(node: ast.expr, named: dict[str, list[ast.expr]], deep: int = 3) -> list[str]:
    """Give what an expression may say; nothing where that cannot be told."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return _texts(node.body, named, deep) + _texts(node.orelse, named, deep)
    if isinstance(node, ast.BoolOp):
        return [text for part in node.values for text in _texts(part, named, deep)]
    if isinstance(node, ast.Name) and deep:
        return [text for part in named.get(node.id, ()) for text in _texts(part, named, deep - 1)]
    if isinstance(node, ast.JoinedStr):
        return _joined(node, named, deep)
    return []


def _joined(node: ast.JoinedStr, named: dict[str, list[ast.expr]], deep: int) -> list[str]:
    texts = [""]
    for number, part in enumerate(node.values):
        if isinstance(part, ast.Constant):
            texts = [text + str(part.value) for text in texts]
            continue
        assert isinstance(part, ast.FormattedValue)
        inner = _texts(part.value, named, deep) if isinstance(part.value, ast.Name) else []
        said = [repr(one) for one in inner] if part.conversion == ord("r") else inner
        texts = [text + more for text in texts for more in said or [f"§{number}§"]]
    return texts
