"""Notices: what is told, in which words, what waits on the disk, and where addresses may come from."""

from __future__ import annotations

import errno
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import outbox, tidings
from daemon.job import Job, JobTake, Made, State, TakeState
from daemon.log import open_log
from daemon.notice import Event, Missing, Notice, event_of
from daemon.outbox import MOST, Outbox
from daemon.places import is_file, is_open, places, wanted
from publishers import Receipt

CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
MADE = Made(1.0, 1.0, 64, 64, "25", 25, 25, "null", "1")


def job(state: State = State.DONE, **more: object) -> Job:
    takes = (
        JobTake("ann", "ann.png", "voice.wav", state=TakeState.RENDERED, made=MADE),
        JobTake("cat", "cat.jpg", "voice.wav", state=TakeState.FAILED, error="no face in cat.jpg", hint="Crop it."),
    )
    return Job("8c97da94", "weekly", "2026-01-01T00:00:00+00:00", "null", takes, state, **more)


def receipt(gateway: str = f"https://ipfs.io/ipfs/{CID}", name: str = "ann.mp4") -> Receipt:
    return Receipt("ipfs", name, "0" * 64, f"ipfs://{CID}", gateway, "read back")


def notice(number: int = 0, event: Event = Event.DONE) -> Notice:
    return replace(Notice.of(event, job(), Path("/srv/x/done/weekly"), float(number)), job=f"job{number}")


@pytest.mark.parametrize("entry", ["json://127.0.0.1:9000/hook", "xmls://house.example/a/b", "form://[::1]:80"])
def test_plain_addresses_may_stand_in_the_settings(entry: str) -> None:
    assert is_open(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "discord://123/abc",
        "json://user:word@house.example/",
        "json://house.example/?x=1",
        "json://house.example/a#b",
        "json://house.example/AbCdEfGhIjKlMnOpQrSt1234",
        "json://",
        "json://house.example:99999/",
        "json://house.example/\nx",
        "house.example",
        "mailto://a:b@c",
        "/etc/a\nb",
    ],
)
def test_all_others_may_not(entry: str) -> None:
    assert not is_open(entry)
    assert not is_file(entry)


def test_places_come_from_files_and_credentials_and_are_called_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, loose, bare = tmp_path / "kept", tmp_path / "loose", tmp_path / "bare"
    kept.write_text("# ours\n\ndiscord://1/hunter2\nhunter2\n", encoding="utf-8")
    loose.write_text("json://hunter2", encoding="utf-8")
    bare.write_text("# hunter2\n", encoding="utf-8")
    kept.chmod(0o600)
    bare.chmod(0o600)
    loose.chmod(0o644)
    handed = tmp_path / "credentials"
    handed.mkdir()
    assert not wanted(())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert not wanted(())
    (handed / "notify-urls").write_text("tgram://hunter2/1", encoding="utf-8")
    assert wanted(())
    found = places([str(kept), "json://127.0.0.1/x", str(loose), str(tmp_path / "none"), str(bare)])
    assert [place.label for place in found] == [
        "kept line 3 (discord)",
        "kept line 4 (?)",
        "notify.urls 2 (json)",
        "loose",
        "none",
        "bare",
        "credential notify-urls line 1 (tgram)",
    ]
    assert [place.url for place in found if not place.fault] == [
        "discord://1/hunter2",
        "hunter2",
        "json://127.0.0.1/x",
        "tgram://hunter2/1",
    ]
    assert "chmod 600" in found[3].fault
    assert "no address" in found[5].fault
    assert "hunter2" not in repr(found)


def test_only_what_is_worth_it_is_told() -> None:
    done, review = job(), job(State.REVIEW, review=True)
    published = job(State.PUBLISHED, publish=("ipfs",), receipts=(receipt(),))
    marked = job(State.MARKED)
    assert event_of(marked, review) is Event.REVIEW
    assert event_of(review, replace(review, approved=True)) is None
    assert event_of(marked, published) is Event.PUBLISHED
    assert event_of(marked, job(State.PUBLISHED)) is None  # there was nobody to publish it
    assert event_of(published, done) is Event.DONE
    assert event_of(marked, job(State.FAILED)) is Event.FAILED
    assert event_of(job(State.QUEUED), job(State.RENDERED)) is None


def test_words(tmp_path: Path) -> None:
    gone = receipt("http://127.0.0.1:8080/ipfs/x", "ann.mp4")
    whole = job(title="Weekly", publish=("ipfs",), receipts=(receipt(), gone, receipt(name="post.md")))
    said = Notice.of(Event.DONE, whole, tmp_path / "done" / "weekly (2)", 1.0)
    english = tidings.told(said, "en", "https://house.example/page/")
    assert english.title == "Done in part: Weekly"
    assert english.body.splitlines() == [
        "Video: ann.mp4",
        "Not made: cat.jpg: no face in cat.jpg",
        "Folder: done/weekly (2)",
        f"https://ipfs.io/ipfs/{CID}",
        f"ipfs://{CID}",
        "More: https://house.example/page/jobs/8c97da94",
    ]
    chinese = tidings.told(said, "zh")
    assert chinese.title == "部分完成：Weekly"
    assert "未生成：cat.jpg：no face in cat.jpg" in chinese.body
    assert "127.0.0.1" not in english.body
    assert str(tmp_path) not in repr(said)


def test_both_languages_say_the_same() -> None:
    english, chinese = tidings._WORDS["en"], tidings._WORDS["zh"]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text.count("{") == chinese[key].count("{"), key
    for event in Event:
        for language in ("en", "zh"):
            assert tidings.told(notice(event=event), language).title


def test_failures_say_why_and_reviews_how() -> None:
    failed = job(State.FAILED, error="the job was cancelled", hint="Drop it again.")
    text = tidings.told(Notice.of(Event.FAILED, failed, Path("/x/failed/weekly"), 0), "en")
    assert text.title == "Failed: weekly"
    assert "What was wrong: the job was cancelled\nWhat to do: Drop it again.\nFolder: failed/weekly" in text.body
    review = tidings.told(Notice.of(Event.REVIEW, job(State.REVIEW), Path("/x/working/weekly"), 0), "en")
    assert "lipsyncd approve 8c97da94" in review.body


def test_names_are_only_read_and_nothing_is_endless() -> None:
    wild = job(State.FAILED, title="@everyone [x](https://evil.example)\n# <b>\u202e\x1b[0m\udc80" + "x" * 500)
    missing = tuple(Missing(f"{number}" * 300, "@here " * 300) for number in range(8))
    loud = replace(Notice.of(Event.FAILED, wild, Path("/x/failed/w"), 0), missing=missing, lost=99, error="e" * 9999)
    said = tidings.told(loud, "en")
    assert len(said.title) <= 140
    assert "\n" not in said.title
    assert "@everyone" not in said.title
    assert "](" not in said.title
    assert "\x1b" not in said.title
    assert "\u202e" not in said.title
    assert len(said.body) <= 1810
    assert "@here" not in said.body
    said.title.encode()
    said.body.encode()
    assert len(tidings.digest([loud] * 50, "zh").body) <= 1810


def test_what_waits_is_found_again(tmp_path: Path) -> None:
    log = open_log(io.StringIO())
    first = Outbox(tmp_path / "notices", log)
    kept = replace(notice(1), missing=(Missing("a", "b"),), links=("ipfs://x",), told=("here",), tries=2)
    moved, still = replace(notice(2), held="gone"), replace(notice(3), held="there")
    for one in (kept, moved, still):
        first.put(one)
    assert first.waiting() == [kept]
    assert (tmp_path / "notices").stat().st_mode & 0o077 == 0
    (tmp_path / "notices" / "junk.json").write_text('{"event": "done"}')
    (tmp_path / "notices" / "torn.json").write_text("{")
    (tmp_path / "working" / "there").mkdir(parents=True)
    second = Outbox(tmp_path / "notices", log)
    second.load(tmp_path / "working")
    assert second.waiting() == [kept, replace(moved, held="", folder="done/gone")]
    assert not (tmp_path / "notices" / "junk.json").exists()
    second.remove(second.waiting())
    assert [json.loads(path.read_text())["held"] for path in (tmp_path / "notices").iterdir()] == ["there"]


def test_what_cannot_be_read_just_now_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Outbox(tmp_path, open_log(io.StringIO()))
    box.put(notice(1))
    wild = tmp_path / "wild.json"
    wild.write_text(json.dumps(notice(2).document() | {"count": float("inf")}))

    def refused(_path: Path, _most: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(outbox, "read_plain", refused)
        Outbox(tmp_path, open_log(io.StringIO())).load(tmp_path)
    later = Outbox(tmp_path, open_log(io.StringIO()))
    later.load(tmp_path)
    assert later.waiting() == [notice(1)]
    assert not wild.exists()


def test_the_outbox_is_bounded_and_needs_no_disk(tmp_path: Path) -> None:
    (tmp_path / "notices").write_text("a file where the folder should be")
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        box = Outbox(tmp_path / "notices", open_log(stream))
        for number in range(MOST + 3):
            box.put(notice(number))
    assert len(box.waiting()) == MOST
    assert box.waiting()[0].job == "job3"
    said = (tmp_path / "log").read_text()
    assert said.count("notices cannot be kept") == 1
    assert "notices given up" in said


def test_a_newer_notice_is_not_crossed_out_by_an_older_one(tmp_path: Path) -> None:
    box = Outbox(tmp_path, open_log(io.StringIO()))
    old, new = notice(1), replace(notice(1), at=5.0)
    box.put(new)
    box.remove([old])
    box.put_off(old, old.put_off(("here",), 9.0))
    assert box.waiting() == [new]


@pytest.mark.parametrize(
    "call", ["<!channel>", "<!here|you>", "<users/all>", '<at user_id="all">x</at>', "<https://evil.example|x>"]
)
def test_names_call_nobody_in_any_service(call: str) -> None:
    """Slack and its likes, Google Chat and Feishu have calls in angle brackets; Apprise undoes not all of them."""
    said = tidings.tame(f"weekly {call}", 200)
    assert call not in said
    assert said.replace("\u2060", "") == f"weekly {call}"
