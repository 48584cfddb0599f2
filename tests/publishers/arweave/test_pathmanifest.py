"""The path manifest: the same bytes for the same files, names in any script."""

from __future__ import annotations

import json

import pytest

from publishers.arweave.pathmanifest import path_manifest

A, B = "a" * 43, "b" * 43


def test_files_have_names_and_one_is_shown_first() -> None:
    document = json.loads(path_manifest({"bob.mp4": B, "alice.mp4": A}))
    assert document == {
        "manifest": "arweave/paths",
        "version": "0.1.0",
        "index": {"path": "alice.mp4"},
        "paths": {"alice.mp4": {"id": A}, "bob.mp4": {"id": B}},
    }
    assert json.loads(path_manifest({"bob.mp4": B, "alice.mp4": A}, "bob.mp4"))["index"] == {"path": "bob.mp4"}


def test_order_does_not_matter() -> None:
    assert path_manifest({"b": B, "a": A}) == path_manifest({"a": A, "b": B})


def test_names_are_found_as_they_are_and_as_browsers_send_them() -> None:
    paths = json.loads(path_manifest({"旁白 1.mp4": A, "a%20b": B}))["paths"]
    assert {name: found["id"] for name, found in paths.items()} == {
        "旁白 1.mp4": A,
        "%E6%97%81%E7%99%BD%201.mp4": A,
        "a%20b": B,
        "a%2520b": B,
    }


def test_an_escaped_name_never_hides_a_real_one() -> None:
    paths = json.loads(path_manifest({"a b": A, "a%20b": B}))["paths"]
    assert paths["a%20b"] == {"id": B}


@pytest.mark.parametrize(("files", "index"), [({}, ""), ({"a": A}, "b")])
def test_there_must_be_something_to_show(files: dict[str, str], index: str) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        path_manifest(files, index)
