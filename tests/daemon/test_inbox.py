"""What counts as a drop, what has to wait, and what is refused, by listing alone."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from daemon.casting import cast
from daemon.inbox import Drop, Inbox, Look
from daemon.listing import Kind, ignorable, listing, partial
from daemon.name import numbered, results, shown
from daemon.order import Choices

CHOICES = Choices(("null", "reshape"), ("folder",))


class Share:
    """An inbox with a clock that is turned by hand."""

    def __init__(self, folder: Path, patient: bool = True) -> None:
        self.folder = folder
        self.now = 1000.0
        self.inbox = Inbox(folder, 2.0, CHOICES, patient=patient, clock=lambda: self.now)

    def put(self, drop: str, **files: str) -> Path:
        (self.folder / drop).mkdir(exist_ok=True)
        for name, content in files.items():
            (self.folder / drop / name.replace("_", ".")).write_text(content)
        return self.folder / drop

    def look(self, after: float = 0.0) -> Look:
        self.now += after
        return self.inbox.look()

    def settled(self) -> Drop:
        """The one drop that is there after the settling time and all patience."""
        self.look()
        (drop,) = self.look(1000).drops
        return drop


@pytest.fixture
def share(tmp_path: Path) -> Share:
    return Share(tmp_path)


def test_a_drop_counts_when_nothing_changes_any_more(share: Share) -> None:
    share.put("talk", voice_wav="words", ann_png="face")
    assert share.look().due == 2.0
    assert not share.look(1.9).drops
    (drop,) = share.look(0.2).drops
    assert [(take.name, take.face, take.speech) for take in drop.takes] == [("ann", "ann.png", "voice.wav")]


def test_what_grows_is_not_settled(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", ann_png="f")
    for size in range(5):
        assert not share.look(1.5).drops
        (folder / "ann.png").write_text("f" * (size + 2))
    assert not share.look(1.5).drops
    assert share.look(2.0).drops


def test_old_and_future_times_of_files_mean_nothing(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", ann_png="face")
    os.utime(folder / "ann.png", (0, 0))
    os.utime(folder / "voice.wav", (4e9, 4e9))
    assert not share.look().drops
    assert share.look(2).drops


def test_a_late_file_starts_the_clock_again(share: Share) -> None:
    share.put("talk", voice_wav="words", ann_png="face")
    share.look()
    share.put("talk", bob_png="face")
    assert not share.look(1.9).drops
    assert len(share.look(2).drops[0].takes) == 2


PARTIAL = [
    *("x.mp4.part", "x.tmp", "x.filepart", "x.crdownload", ".syncthing.x.mp4.tmp", "~$letter.docx", ".~lock.x.odt#"),
    *("x.!sync", ".x.mp4.Ab3dE9", "x.PART"),
]
ABSENT = ["@eaDir", ".DS_Store", "Thumbs.db", "._x.mp4", ".stfolder", "desktop.ini", ".nfs0000000001"]


@pytest.mark.parametrize("name", PARTIAL)
def test_transfers_under_way_are_waited_for(share: Share, name: str) -> None:
    folder = share.put("talk", voice_wav="words", ann_png="face")
    (folder / name).write_text("so far")
    assert partial(name)
    share.look()
    look = share.look(10_000)
    assert not look.drops
    assert look.due == math.inf
    (folder / name).rename(folder / "x.mp4")
    share.look()
    assert len(share.look(2).drops[0].takes) == 2


@pytest.mark.parametrize("name", ABSENT)
def test_what_systems_leave_is_not_there(share: Share, name: str) -> None:
    folder = share.put("talk", voice_wav="words", ann_png="face")
    (folder / name).mkdir() if name == "@eaDir" else (folder / name).write_text("")
    assert ignorable(name)
    assert [entry.path for entry in listing(folder).entries] == ["ann.png", "voice.wav"]
    assert share.settled().fault is None


def test_what_an_earlier_try_left_has_to_settle_too(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", ann_png="face")
    (folder / ".lipsyncd").mkdir()
    for size in range(4):
        (folder / ".lipsyncd" / "ann.mp4").write_text("v" * size)
        assert not share.look(1.5).drops
    assert not share.look(1.5).drops
    assert len(share.look(2).drops[0].takes) == 1


def test_a_photo_called_like_a_partial_name_is_none(share: Share) -> None:
    for name in ("tmp.png", "part.mp4", "ann.temp.png", "a.b.jpg"):
        assert not partial(name)


def test_empty_files_are_waited_for_longer(share: Share) -> None:
    share.put("talk", voice_wav="words", ann_png="")
    share.look()
    assert not share.look(100).drops
    (drop,) = share.look(100).drops
    assert drop.fault is not None
    assert "ann.png is empty" in drop.fault.message


def test_an_empty_folder_is_no_drop_yet(share: Share) -> None:
    share.put("talk")
    share.look()
    assert not share.look(10_000).drops


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"ann.png": "face"}, "no audio"),
        ({"voice.wav": "words"}, "no face"),
        ({"voice.wav": "words", "ann.heic": "x"}, "ann.heic is of a kind that is not read"),
        ({"a.wav": "1", "b.wav": "2", "ann.png": "x"}, "ann.png could be driven by a.wav or by b.wav"),
        ({"ann.wav": "1", "b.wav": "2", "ann.png": "x"}, "ann.wav and b.wav"),
        ({"ann.wav": "1", "ann.mp3": "2", "ann.png": "x"}, "ann.mp3 and ann.wav"),
    ],
)
def test_what_is_missing_or_unclear_is_refused_after_some_patience(
    share: Share, files: dict[str, str], said: str
) -> None:
    folder = share.put("talk")
    for name, content in files.items():
        (folder / name).write_text(content)
    share.look()
    first = share.look(2.5)
    (drop,) = first.drops or share.look(12).drops
    assert drop.fault is not None
    assert said in drop.fault.message
    assert drop.fault.hint
    assert bool(first.drops) == ("ann.mp3" in said)  # what no further file can mend is refused at once


def test_the_photo_of_who_is_meant_becomes_no_video(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", bob_mp4="face", who_jpg="one")
    (folder / "job.toml").write_text('who = "who.jpg"')
    (take,) = share.settled().takes
    assert (take.face, take.who) == ("bob.mp4", "who.jpg")


def test_the_photo_of_who_is_meant_is_waited_for(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", bob_mp4="face")
    (folder / "job.toml").write_text('who = "who.jpg"')
    share.look()
    assert not share.look(2.5).drops
    share.put("talk", who_jpg="one")
    share.look()
    assert share.look(2).drops[0].fault is None


def test_a_photo_of_who_is_meant_is_not_enough(share: Share) -> None:
    folder = share.put("talk", voice_wav="words", who_jpg="one")
    (folder / "job.toml").write_text('who = "who.jpg"')
    fault = share.settled().fault
    assert fault is not None
    assert "no face in it but who.jpg" in fault.message


def test_without_patience_it_is_refused_at_once(tmp_path: Path) -> None:
    share = Share(tmp_path, patient=False)
    share.put("talk", ann_png="face")
    share.look()
    assert share.look(2).drops[0].fault


def test_links_and_devices_are_refused(share: Share, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_text("secret")
    for kind in ("symlink", "hardlink", "fifo", "folder", "link to folder"):
        folder = share.put(kind, voice_wav="words", ann_png="face")
        odd = folder / "odd.png"
        if kind == "symlink":
            odd.symlink_to(secret)
        elif kind == "hardlink":
            odd.hardlink_to(secret)
        elif kind == "fifo":
            os.mkfifo(odd)
        elif kind == "folder":
            odd.mkdir()
            (odd / "deep.png").write_text("face")
        else:
            odd.symlink_to(secret.parent)
    share.look()
    drops = share.look(1000).drops
    assert len(drops) == 5
    for drop in drops:
        assert drop.fault is not None
        assert "odd.png" in drop.fault.message


def test_loose_files_and_links_in_the_inbox_are_left_alone(share: Share) -> None:
    (share.folder / "loose.png").write_text("face")
    (share.folder / "link").symlink_to("/etc")
    assert dict(share.look().waiting) == {"loose.png": "it is not in a folder", "link": "it is a link"}


NAMES = [
    "with spaces", "it's \"quoted\"", "two\nlines", "😀 ☕", "x" * 250, "名" * 83, "-rf", "$(reboot)", "<b>&amp;",
    os.fsdecode(b"caf\xe9"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_drops_of_any_name(share: Share, name: str) -> None:
    share.put(name, voice_wav="words", ann_png="face")
    drop = share.settled()
    assert drop.fault is None
    assert drop.folder.name == name


@pytest.mark.parametrize("stem", [name[:120] for name in NAMES])
def test_faces_of_any_name(share: Share, stem: str) -> None:
    folder = share.put("talk", voice_wav="words")
    (folder / f"{stem}.png").write_text("face")
    (take,) = share.settled().takes
    assert "\n" not in take.name
    take.name.encode()
    if "\udce9" in stem:
        assert "not valid text" in take.error
    else:
        assert take.face == f"{stem}.png"


def test_result_names_differ_where_stems_do_not() -> None:
    faces = ["ann.png", "Ann.mp4", "bob.jpg", "ann-png.jpg", ".png", "x\ny.png", "y" * 251 + ".png"]
    names = results(faces)
    assert names["bob.jpg"] == "bob"
    assert names["ann-png.jpg"] == "ann-png"
    assert len({name.casefold() for name in names.values()}) == len(faces)
    assert all(len(name.encode()) <= 240 for name in names.values())
    assert results(["alice.png", "alice.mp4"]) == {"alice.png": "alice-png", "alice.mp4": "alice-mp4"}


def test_numbered_names_fit_and_shown_names_are_one_line() -> None:
    assert numbered("talk", 1) == "talk"
    assert numbered("talk", 2) == "talk (2)"
    assert len(numbered("名" * 85, 12).encode()) <= 255
    assert shown("a\nb\u202ec\udce9") == "a\\nb\\u202ec\\udce9"


def test_several_audios_go_to_the_faces_of_their_names() -> None:
    assert cast(["ann.wav", "bob.mp3"], ["ann.png", "ann.mp4", "bob.jpg"]) == {
        "ann.png": "ann.wav",
        "ann.mp4": "ann.wav",
        "bob.jpg": "bob.mp3",
    }
    assert cast(["e\u0301.wav", "b.wav"], ["\xe9.png", "b.png"])["\xe9.png"] == "e\u0301.wav"  # as macOS writes it


def test_kinds_go_by_suffix_in_any_case(share: Share) -> None:
    folder = share.put("talk")
    for name in ("A.JPG", "b.Mp3", "job.toml", "notes.txt", "c.heic", "README"):
        (folder / name).write_text("x")
    found = listing(folder)
    assert found.names(Kind.FACE) == ("A.JPG",)
    assert found.names(Kind.AUDIO) == ("b.Mp3",)
    assert found.names(Kind.UNREAD) == ("c.heic",)
    assert found.names(Kind.OTHER) == ("README", "notes.txt")


def test_drops_come_in_order_of_arrival(share: Share) -> None:
    for number in range(30):
        share.put(f"drop {97 * number % 30}", voice_wav="words", ann_png="face")
        share.look(0.01)
    names = [drop.folder.name for drop in share.look(5).drops]
    assert names == [f"drop {97 * number % 30}" for number in range(30)]
