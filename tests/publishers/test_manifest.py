"""The manifest: one text for one result, read back strictly, and in keeping with its JSON Schema."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import publishers
from publishers import (
    Credentials,
    Directory,
    Engine,
    Face,
    Failure,
    Label,
    Manifest,
    ManifestError,
    Paper,
    Poster,
    Receipt,
    Speech,
    Tool,
    Video,
    Weights,
    contenthash,
    read_manifest,
    write_manifest,
)

SHIPPED = Path(publishers.__file__).parent / "manifest.schema.json"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "manifest.schema.json"
SCHEMA = json.loads(SHIPPED.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
LETTERS = "aZ9 .-_#|`*<>\"'&\\\n\t旁白é😀\u202e\u0301\u2028{}"


def test_the_schema_is_sound_and_the_same_in_the_documentation() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SHIPPED.read_bytes() == DOCUMENTED.read_bytes()
    profiles = SCHEMA["$defs"]["manifest"]["properties"]["directory"]["properties"]["profile"]["enum"]
    assert profiles == list(publishers.PROFILES)


def test_it_comes_back_as_it_was_and_validates(result: Any) -> None:
    text = result.manifest.to_json()
    VALIDATOR.validate(json.loads(text))
    assert Manifest.from_json(text) == Manifest.from_json(text.encode()) == result.manifest
    assert Manifest.from_json(text).to_json() == text
    assert read_manifest(result.folder) == read_manifest(result.folder / "manifest.json") == result.manifest


def test_keys_stand_in_the_order_of_the_contract(result: Any) -> None:
    document = json.loads(result.manifest.to_json())
    contract = "schema title created tool speech videos failures directory description"
    assert list(document) == contract.split()
    assert document["schema"] == "lipsyncd.manifest/1"
    video = "file sha256 bytes cid media_type duration width height fps frames face coverage engine poster receipts"
    assert list(document["videos"][0]) == video.split()
    assert document["videos"][1]["speech"]["file"] == "carol.wav"
    assert document["videos"][0]["fps"] == "30000/1001"
    assert document["created"] == "2026-11-21T01:46:31Z"


def test_its_text_has_real_letters_and_no_path_of_this_machine(result: Any) -> None:
    written = (result.folder / "manifest.json").read_bytes()
    assert "周报 2026-11".encode() in written
    assert written.endswith(b"}\n")
    for secret in (str(result.folder), str(Path.cwd()), str(Path.home())):
        assert secret.encode() not in written


def test_the_same_result_has_the_same_text_but_for_its_time(result: Any) -> None:
    later = replace(result.manifest, created=result.manifest.created + timedelta(hours=1))
    lines = zip(result.manifest.to_json().splitlines(), later.to_json().splitlines(), strict=True)
    assert [a.strip()[:9] for a, b in lines if a != b] == ['"created"']


def test_time_is_kept_in_utc_to_the_second(result: Any) -> None:
    east = datetime(2026, 11, 21, 9, 46, 31, 999999, tzinfo=timezone(timedelta(hours=8)))
    assert replace(result.manifest, created=east) == result.manifest
    with pytest.raises(ValueError, match="time zone"):
        replace(result.manifest, created=datetime(2026, 11, 21))  # noqa: DTZ001


def random_manifest(chance: random.Random) -> Manifest:  # noqa: C901 - many small makers
    def words(least: int = 0) -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(least, 40)))

    def sha() -> str:
        return chance.randbytes(32).hex()

    def cid() -> str:
        return publishers.unixfs.leaf(chance.randbytes(32), 1).text

    def seconds() -> float:
        return chance.choice([0.0, chance.random() * 1e4, 1e-9, 12.0])

    def receipts() -> tuple[Receipt, ...]:
        number = chance.randint(0, 2)
        return tuple(Receipt(words(), words(), sha(), "ipfs://" + words(), "", words()) for _ in range(number))

    def speech() -> Speech:
        return Speech(words(1) + "a", sha(), chance.randint(0, 2**40), seconds())

    def credentials() -> Credentials | None:
        signed = Credentials(words(), words(), chance.random() < 0.5, words(), chance.choice(["", sha()]))
        return chance.choice([None, signed])

    def video(index: int) -> Video:
        return Video(
            f"{index}{words()}.mp4", sha(), chance.randint(0, 2**40), cid(), words(), seconds(),
            chance.randint(1, 9999), chance.randint(1, 9999),
            Fraction(chance.randint(1, 99999), chance.randint(1, 1001)), chance.randint(0, 10**6),
            Face(words(1) + "b", sha(), 0), chance.random(),
            Engine(words(), words(), tuple(Weights(words(), sha(), words()) for _ in range(chance.randint(0, 3)))),
            Poster(f"{index}{words()}.jpg", sha(), 3, cid(), receipts(), credentials()), receipts(),
            chance.choice([None, speech()]),
            chance.choice([None, Face(words(1) + "c", sha(), 0)]), tuple(words() for _ in range(chance.randint(0, 2))),
            credentials(), chance.choice([None, Label(words(), words(), tuple(words() for _ in range(2)))]),
            chance.choice([None, Paper(f"{index}{words()}.json", sha(), 5, cid(), receipts())]),
        )  # fmt: skip

    created = datetime.fromtimestamp(chance.randint(0, 2**33), UTC)
    failures = tuple(Failure(words(), words(), words()) for _ in range(chance.randint(0, 2)))
    videos = tuple(video(i) for i in range(chance.randint(0, 3)))
    root, profile = cid(), chance.choice(list(publishers.PROFILES))
    directory = Directory(root, profile, chance.choice(["", contenthash(root)]), receipts())
    return Manifest(words(), created, Tool(words(), words()), speech(), videos, failures, directory, words())


@pytest.mark.parametrize("seed", range(40))
def test_any_manifest_comes_back_and_validates(seed: int) -> None:
    manifest = random_manifest(random.Random(seed))
    text = manifest.to_json()
    assert Manifest.from_json(text) == manifest
    assert Manifest.from_json(text).to_json() == text
    VALIDATOR.validate(json.loads(text))


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, item in items for place in places(item, (*path, key))]


def changed(document: object, path: tuple[str | int, ...], change: Callable[[Any, Any], object]) -> object:
    out = copy.deepcopy(document)
    inner: Any = out
    for key in path[:-1]:
        inner = inner[key]
    change(inner, path[-1])
    return out


def grow(parent: Any, key: Any) -> None:
    parent.update(extra=1) if isinstance(parent, dict) else parent.append(1)


def allowed(path: tuple[str | int, ...], value: object) -> bool:
    """Return whether a place takes any text, or an empty list."""
    texts = {"title", "description", "name", "version", "licence", "media_type", "error", "hint", "state", "publisher"}
    texts |= {"issuer", "source", "visible", "style"}
    if isinstance(value, list):
        return path[-1] in ("videos", "failures", "weights") or path[-2:] in ((0, "receipts"), ("label", "metadata"))
    if isinstance(path[-1], int):
        return isinstance(value, str)  # a warning, or a word about what is in the file
    return isinstance(value, str) and (path[-1] in texts or (path[0] == "failures" and len(path) == 3))


OPTIONAL = {"speech", "who", "warnings", "credentials", "label", "metadata", "contenthash", "source", "certificate"}


def may_be_left_out(path: tuple[str | int, ...]) -> bool:
    if path[-1] == "receipts":
        return path[-2] in ("directory", "poster", "metadata")
    return path[-1] in OPTIONAL and path[-2:] != ("label", "metadata")


def full(manifest: Manifest) -> Manifest:
    """Return the manifest with everything in it that may be left out."""
    video = manifest.videos[0]
    signed = Credentials("valid", "lipsyncd on nas", False, "compositeWithTrainedAlgorithmicMedia", "a" * 64)
    paper = Paper("alice.metadata.json", "b" * 64, 900, video.cid, video.receipts)
    whole = Receipt("ipfs", "", "c" * 64, f"ipfs://{manifest.directory.cid}", "", "read back")
    video = replace(
        video,
        poster=replace(video.poster, receipts=video.receipts, credentials=signed),
        who=video.face,
        warnings=("The face is small",),
        credentials=signed,
        label=Label("AI生成", "corner", ("AIGC", "IPTC")),
        metadata=paper,
    )
    directory = replace(manifest.directory, receipts=(whole,))
    return replace(manifest, videos=(video, *manifest.videos[1:]), directory=directory)


def faults(document: object, path: tuple[str | int, ...]) -> Iterator[object]:
    """Yield documents that are wrong at one place."""
    yield changed(document, path, grow)
    if isinstance(path[-1], str) and not may_be_left_out(path):
        yield changed(document, path, lambda parent, key: parent.pop(key))
    for value in (None, [], -1, "/nonsense"):
        if not allowed(path, value):
            yield changed(document, path, lambda parent, key, value=value: parent.__setitem__(key, value))


def test_every_key_is_needed_and_of_one_type_for_code_and_schema_alike(result: Any) -> None:
    document = json.loads(full(result.manifest).to_json())
    document["videos"].pop()
    for path in places(document)[1:]:
        for fault in faults(document, path):
            with pytest.raises(ManifestError):
                Manifest.from_json(json.dumps(fault))
            assert not VALIDATOR.is_valid(fault), path


@pytest.mark.parametrize(
    ("where", "key", "value", "said"),
    [
        (("videos", 0), "file", "../alice.mp4", r"videos\[0\]: '../alice.mp4' is not a plain file name"),
        (("videos", 0, "poster"), "file", "/etc/passwd", r"videos\[0\].poster: .* not a plain file name"),
        (("videos", 0, "face"), "file", "..", r"videos\[0\].face: "),
        (("speech",), "file", "a/b.wav", "speech: 'a/b.wav' is not"),
        (("speech",), "file", "a\0b.wav", "speech: "),
        (("speech",), "duration", -1, "speech: duration is -1"),
        (("videos", 0), "sha256", "A" * 64, "lower-case hex"),
        (("videos", 0), "cid", "Qmabc", "not a base32 CIDv1"),
        (("videos", 0), "bytes", 1.0, r"videos\[0\].bytes: must be a whole number"),
        (("videos", 0), "frames", True, r"videos\[0\].frames: must be a whole number"),
        (("videos", 0), "fps", "50/2", "reduced fraction"),
        (("videos", 0), "fps", "25", "reduced fraction"),
        (("videos", 0), "fps", "0/1", "0 fps"),
        (("videos", 0), "coverage", 1.01, "coverage is 1.01"),
        (("videos", 0), "duration", 10**400, "must be a number"),
        (("videos", 0, "receipts", 0), "address", "file:///srv/alice.mp4", "a path of this machine"),
        (("videos", 0, "receipts", 0), "gateway", "/srv/alice.mp4", "a path of this machine"),
        (("videos", 1), "file", "alice.mp4", "same name"),
        (("directory",), "profile", "unixfs-v9", "directory: CID profile 'unixfs-v9' is unknown"),
        ((), "created", "2026-06-31T00:00:00Z", "created: must be a time in UTC"),
        ((), "created", "2026-11-21T01:46:31+08:00", "created: must be a time in UTC"),
        ((), "schema", "lipsyncd.manifest/2", "up to date"),
        ((), "title", "\ud800", "title: is not valid UTF-8"),
    ],
)
def test_faults_are_named_with_their_place(result: Any, where: Any, key: str, value: object, said: str) -> None:
    document = json.loads(result.manifest.to_json())
    with pytest.raises(ManifestError, match=said):
        Manifest.from_json(json.dumps(changed(document, (*where, key), lambda d, k: d.__setitem__(k, value))))


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000, b"9" * 5000),
        *(b'{"schema": "lipsyncd.manifest/1"}', b'{"a": 1, "a": 1}', b'{"schema": NaN}'),
    ],
)
def test_what_is_no_manifest_is_an_error_and_never_a_crash(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(ManifestError, match=r"^manifest.json is no manifest: "):
        read_manifest(tmp_path)


def test_a_torn_manifest_is_an_error_wherever_it_is_torn(result: Any) -> None:
    whole = result.manifest.to_json().encode().rstrip()
    for length in range(0, len(whole), 97):
        with pytest.raises(ManifestError):
            Manifest.from_json(whole[:length])


def test_a_key_that_is_there_twice_is_an_error(result: Any) -> None:
    text = result.manifest.to_json().replace('"title":', '"title": "another",\n  "title":', 1)
    with pytest.raises(ManifestError, match="a key is there twice"):
        Manifest.from_json(text)


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"there is no manifest.json. Give a folder"):
        read_manifest(tmp_path)
    with pytest.raises(ManifestError, match=r"there is no other\.json"):
        read_manifest(tmp_path / "other.json")


def test_numbers_that_are_none_never_reach_the_disk(result: Any) -> None:
    for bad in (float("nan"), float("inf"), -0.1):
        with pytest.raises(ValueError, match="duration"):
            replace(result.manifest.speech, duration=bad)
        with pytest.raises(ValueError, match="coverage"):
            replace(result.manifest.videos[0], coverage=bad)


def test_writing_replaces_whole_or_not_at_all(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (result.folder / "manifest.json").read_bytes()
    flushed: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(handle), real(handle))[1])
    write_manifest(replace(result.manifest, title="second"), result.folder)
    assert len(flushed) == 2  # the file and its folder
    assert read_manifest(result.folder).title == "second"

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_manifest(replace(result.manifest, title="third"), result.folder)
    assert read_manifest(result.folder).title == "second"
    assert before
    assert not [path for path in result.folder.iterdir() if path.name.endswith(".part")]
