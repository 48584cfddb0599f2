"""The herald: everybody is told, what goes wrong there concerns no job, and no secret gets anywhere."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from daemon import app, audience
from daemon import herald as heralds
from daemon.__main__ import main
from daemon.announcement import Announcement, Message
from daemon.herald import Herald
from daemon.job import State
from daemon.log import open_log
from daemon.notice import Event, Notice
from daemon.tallies import Tallies
from daemon.tally import Tally
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores
from tests.daemon.post_office import Clerk, Office, office
from tests.daemon.test_crash import at
from tests.daemon.test_notices import job

FILES = {"voice.wav": "some words", "ann.png": "ok", "cat.jpg": "no-face"}
TOKEN = "hunter2hunter2"


@pytest.fixture
def post() -> Iterator[Office]:
    with office() as state:
        yield state


@pytest.fixture
def clerk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clerk:
    """Daemons have this one tell, and gather for no time at all."""
    clerk = Clerk(tmp_path / "told")
    monkeypatch.setattr(heralds, "COMMAND", clerk.command)
    monkeypatch.setattr(heralds, "GATHER", 0.05)
    monkeypatch.setattr(heralds, "PAUSES", (0.1, 0.1))
    return clerk


def urls(bench: Bench, *lines: str) -> dict[str, dict[str, object]]:
    """Settings with these addresses in a file."""
    kept = bench.place / "urls"
    kept.write_text("\n".join(lines), encoding="utf-8")
    kept.chmod(0o600)
    return {"notify": {"urls": [str(kept)]}}


def heard(bench: Bench, clerk: Clerk, **notify: object) -> tuple[Herald, Callable[[], str]]:
    settings = bench.settings(notify={"urls": ["json://127.0.0.1:1/x"], **notify})
    stream = io.StringIO()
    return Herald(settings, open_log(stream), clerk.command), stream.getvalue


def wait(until: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < limit, f"waited {seconds} s in vain"
        time.sleep(0.01)


def closed_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


# ---- the announcer itself, with Apprise


def test_one_bad_place_spoils_nothing_for_the_others(bench: Bench, post: Office) -> None:
    here = f"127.0.0.1:{post.port}"
    lines = [
        f"json://{here}/hang/{TOKEN}",
        f"json://{here}/500/{TOKEN}",
        f"json://127.0.0.1:{closed_port()}/{TOKEN}",
        f"nosuch://{TOKEN}",
        f"xml://{here}/xml",
        f"form://{here}/form",
        f"json://{here}/json",
    ]
    settings = bench.settings(**urls(bench, *lines))
    message = Message("m", "A <title>", "<b>names</b> & *stars*", "failure")
    again = replace(message, id="n", told=("urls line 1 (json)", "urls line 7 (json)"))
    outcome = Announcement(settings).run([message, again])
    answers = {(answer.place, answer.id): answer for answer in outcome.answers}
    assert outcome.places is not None
    assert len(outcome.places) == 7
    assert answers["urls line 2 (json)", "m"].why == "it answered 500"
    assert "cannot be reached" in answers["urls line 3 (json)", "m"].why
    assert "does not understand" in answers["urls line 4 (nosuch)", "m"].why
    assert "does not answer" in answers["urls line 1 (json)", "m"].why
    assert {"urls line 5 (xml)", "urls line 6 (form)", "urls line 7 (json)"} == set(outcome.reached("m"))
    assert outcome.answers[-1].place == "urls line 1 (json)"  # nobody waited for it
    assert ("urls line 7 (json)", "n") not in answers
    assert TOKEN not in repr(outcome)
    told = post.json("/json")
    assert len(told) == 1
    assert (told[0]["title"], told[0]["message"], told[0]["type"]) == ("A <title>", message.body, "failure")
    assert b"&lt;b&gt;names" in post.at("/xml")[0]


def test_an_announcer_that_hangs_is_ended(bench: Bench) -> None:
    said = "import json, time; print(json.dumps({'places': ['a', 'b']})); "
    said += "print(json.dumps({'place': 'a', 'id': 'm', 'ok': True, 'why': ''}), flush=True); time.sleep(60)"
    announcement = Announcement(bench.settings(), (sys.executable, "-S", "-E", "-c", said))
    outcome = announcement.run([Message("m", "t", "b")], patience=3.0)
    assert (outcome.places, outcome.reached("m")) == (("a", "b"), ("a",))
    assert outcome.fault == "it took longer than 3 s"


def test_what_else_an_announcer_says_is_passed_over(bench: Bench) -> None:
    said = "print('hello'); print(1); print('{\"places\": [\"a\"]}'); print('[]'); print('nonsense: {')\n"
    said += 'print(\'{"place": "a", "id": "m", "ok": true, "why": ""}\')'
    outcome = Announcement(bench.settings(), (sys.executable, "-S", "-E", "-c", said)).run([Message("m", "t", "b")])
    assert (outcome.places, outcome.reached("m"), outcome.fault) == (("a",), ("a",), "")


def test_only_pictures_of_the_root_are_sent(bench: Bench, post: Office) -> None:
    done = bench.root / "done" / "a?b %41 #c"
    done.mkdir()
    picture = b"\xff\xd8\xff" + b"picture"
    (done / "ann.jpg").write_bytes(picture)
    (done / "text.jpg").write_text(TOKEN)
    (bench.place / "secret.jpg").write_bytes(picture + TOKEN.encode())
    (done / "link.jpg").symlink_to(bench.place / "secret.jpg")
    (bench.root / "done" / "way").symlink_to(bench.place)
    os.mkfifo(done / "pipe.jpg")
    paths = [f"{done.relative_to(bench.root)}/{name}" for name in ("ann.jpg", "text.jpg", "link.jpg", "pipe.jpg")]
    paths += ["done/way/secret.jpg", "../secret.jpg", str(bench.place / "secret.jpg"), "done/none.jpg"]
    settings = bench.settings(notify={"urls": [f"json://127.0.0.1:{post.port}/json"]})
    messages = [Message(path, "t", "b", root=str(bench.root), picture=path) for path in paths]
    outcome = Announcement(settings).run(messages, patience=30)
    assert not outcome.complaints
    first, *others = [one["attachments"] for one in post.json("/json")]
    assert [base64.b64decode(one["base64"]) for one in first] == [picture]
    assert others == [[]] * 7


def test_the_daemon_does_without_apprise() -> None:
    said = "import sys, daemon.app, daemon.audience; sys.exit('apprise' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], check=False).returncode == 0


def test_a_check_asks_nobody(bench: Bench, post: Office, capsys: pytest.CaptureFixture[str]) -> None:
    file = bench.place / "config.toml"
    urls(bench, f"json://127.0.0.1:{post.port}/x", f"discord://{TOKEN}")
    said = f'[paths]\nroot = "{bench.root}"\nstate = "{bench.place}/state"\n[notify]\nurls = ["{bench.place}/urls"]\n'
    file.write_text(said, encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 2
    told = capsys.readouterr()
    assert "notify.urls: urls line 2 (discord): Apprise does not understand this address" in told.err
    assert "line 1" not in told.err
    assert TOKEN not in told.err + told.out
    assert not post.got


def test_the_doctor_says_what_cannot_be_told(bench: Bench) -> None:
    assert [check.found for check in audience.checks(bench.settings())] == ["nobody is told (notify.urls)"]
    said = urls(bench, f"json://127.0.0.1:1/{TOKEN}", TOKEN)
    said["notify"]["urls"] = (*said["notify"]["urls"], str(bench.place / "none"))  # type: ignore[misc]
    wrong, absent, well = audience.checks(bench.settings(**said))
    assert (wrong.state, wrong.found) == ("warn", "urls line 2 (?): Apprise does not understand this address")
    assert "cannot be read" in absent.found
    assert "service's user" in absent.advice
    assert (well.state, well.found.partition(";")[0]) == ("ok", "urls line 1 (json)")


def test_the_test_says_who_took_it(bench: Bench, post: Office, capsys: pytest.CaptureFixture[str]) -> None:
    urls(bench, f"json://127.0.0.1:{post.port}/x", f"json://{TOKEN}@127.0.0.1:{post.port}/404")
    file = bench.place / "config.toml"
    file.write_text(f'[notify]\nurls = ["{bench.place}/urls"]\nlanguage = "zh"\n', encoding="utf-8")
    assert main(["notify", "test", "--json", "--config", str(file)]) == 1
    told = capsys.readouterr()
    places = json.loads(told.out)["places"]
    assert [(one["ok"], one["why"]) for one in places] == [(True, ""), (False, "it answered 404")]
    assert post.json("/x")[0]["title"] == "测试通知"
    assert TOKEN not in told.err + told.out
    assert main(["notify", "test"]) == 2


# ---- the herald, with an announcer that only writes down


def test_what_is_refused_is_tried_again_where_it_was_refused(bench: Bench, clerk: Clerk) -> None:
    clerk.mood("there")
    herald, _ = heard(bench, clerk)
    herald.over(job(), bench.root / "done/weekly")
    wait(lambda: len(clerk.told) >= 2)
    clerk.mood("")
    wait(lambda: not herald._outbox.waiting())
    herald.close()
    assert [message["told"] for message in clerk.told][:2] == [[], ["here"]]
    assert not list((bench.place / "state/notices").iterdir())


@pytest.mark.parametrize("mood", ["there", "die", "rave"])
def test_in_the_end_it_is_given_up_with_one_line(bench: Bench, clerk: Clerk, mood: str) -> None:
    clerk.mood(mood)
    herald, log = heard(bench, clerk)
    herald.over(job(), bench.root / "done/weekly")
    wait(lambda: "notices given up" in log())
    herald.close()
    assert log().count("\n") == 1
    assert "8c97da94" in log()
    assert not herald._outbox.waiting()


def test_a_picture_that_may_be_the_reason_is_left_out_at_last(bench: Bench, clerk: Clerk) -> None:
    clerk.mood("here")
    herald, log = heard(bench, clerk)
    herald.over(job(), bench.root / "done/weekly")
    wait(lambda: "notices given up" in log())
    herald.close()
    assert [message["picture"] for message in clerk.told] == ["done/weekly/ann.jpg"] * 2 + [""]


def test_many_at_once_are_one_message(bench: Bench, clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heralds, "GATHER", 1.0)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    herald, _ = heard(bench, clerk)
    for number in range(50):
        herald.over(replace(job(), id=f"job{number}", name=f"folder {number}"), bench.root / f"done/{number}")
    wait(lambda: not herald._outbox.waiting())
    herald.close()
    assert len(clerk.told) <= 6
    text = "\n".join(f"{message['title']}\n{message['body']}" for message in clerk.told)
    assert all(f"folder {number}" in text for number in range(50))


def test_only_what_is_wanted_is_told(bench: Bench, clerk: Clerk) -> None:
    herald, _ = heard(bench, clerk, on=["failed"], posters=False)
    perfect = replace(job(), id="perfect", takes=job().takes[:1])
    herald.over(perfect, bench.root / "done/perfect")
    herald.saved(job(State.MARKED), job(State.REVIEW), bench.root / "working/w")
    herald.over(job(), bench.root / "done/weekly")  # something of it has failed
    wait(lambda: clerk.told)
    herald.close(once=True)
    assert [message["id"] for message in clerk.told] == ["8c97da94-done"]
    assert clerk.told[0]["picture"] == ""
    assert clerk.told[0]["kind"] == "warning"


def test_an_ended_job_is_told_once_it_has_moved(bench: Bench, clerk: Clerk) -> None:
    herald, _ = heard(bench, clerk)
    (bench.root / "working/w").mkdir()
    herald.saved(job(State.PUBLISHED), job(), bench.root / "working/w")
    herald.close()
    assert not clerk.told
    herald, _ = heard(bench, clerk)  # a crash; it is still there
    time.sleep(0.3)
    assert not clerk.told
    herald.close()
    (bench.root / "working/w").rename(bench.root / "done/w")
    herald, _ = heard(bench, clerk)  # another one, in the last moment
    wait(lambda: clerk.told)
    herald.close()
    assert "Folder: done/w" in str(clerk.told[0]["body"])


def test_an_announcer_that_hangs_keeps_nobody_from_the_door(
    bench: Bench, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heralds, "_LAST", {False: 0.5, True: 30.0})
    settings = bench.settings(notify={"urls": ["json://127.0.0.1:1/x"]})
    herald = Herald(settings, open_log(sys.stderr), (sys.executable, "-S", "-c", "import time; time.sleep(60)"))
    herald.over(job(), bench.root / "done/weekly")
    wait(lambda: herald._under_way is not None)
    begun = time.monotonic()
    herald.close()
    assert time.monotonic() - begun < 30
    assert not herald._thread.is_alive()
    assert len(list((bench.place / "state/notices").iterdir())) == 1


def test_all_tallies_are_told_everything() -> None:
    said: list[str] = []

    class Loud(Tally):
        def __getattribute__(self, name: str) -> object:
            said.append(name)
            return super().__getattribute__(name)

    names = [name for name in vars(Tally) if not name.startswith("_")]
    both = Tallies(Loud(), Loud())
    for name in names:
        count = {"see": 2, "saved": 3, "over": 2, "spent": 2, "unanswered": 2, "fault": 0, "renderer_began": 1}
        act = getattr(both, name)
        if name == "stage":
            with act("x"):
                pass
        else:
            act(*[None] * count.get(name, 1))
    assert sorted(said) == sorted(names * 2)
    assert {name for name in vars(Tallies) if not name.startswith("_")} == set(names)


# ---- whole daemons


@pytest.mark.e2e
def test_the_daemon_tells_and_no_secret_is_written_anywhere(
    bench: Bench, post: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "open_log", partial(open_log, level=logging.DEBUG))
    here = f"127.0.0.1:{post.port}"
    said = urls(bench, f"json://{TOKEN}:{TOKEN}@{here}/json?+X-Key={TOKEN}", f"json://{here}/500/{TOKEN}", TOKEN)
    bench.drop("talk <img>", {"voice.wav": "some words", "ann.png": "real", "cat.jpg": "no-face"})
    bench.drop("bad", {"notes.txt": "nothing to do", "voice.wav": "x", "cat.jpg": "no-face"})
    pid = bench.start(once=True, **said)
    argv = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert bench.end(pid, 60) == 1
    told = {str(one["title"]): one for one in post.json("/json")}
    assert set(told) == {"Done in part: talk <\u2060img>", "Failed: bad"}
    done = told["Done in part: talk <\u2060img>"]
    (poster,) = done["attachments"]  # type: ignore[misc]
    assert base64.b64decode(poster["base64"]) == (bench.root / "done/talk <img>/ann.jpg").read_bytes()
    assert "Not made: cat.jpg: no face in cat.jpg" in str(done["message"])
    assert "Folder: failed/bad" in str(told["Failed: bad"]["message"])
    assert str(bench.place) not in json.dumps(told)
    assert [line["count"] for line in bench.log if line["event"] == "notices left for the next start"] == [2]
    grepped = subprocess.run(["grep", "-rl", TOKEN, str(bench.place)], capture_output=True, text=True, check=False)
    assert grepped.stdout.split() == [str(bench.place / "urls")]
    assert TOKEN.encode() not in argv


@pytest.mark.e2e
def test_a_daemon_killed_meanwhile_tells_after_its_next_start(
    bench: Bench, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every moment before something is made to last: what is done was told, seldom twice."""
    settings: dict[str, dict[str, object]] = {"notify": {"urls": ["json://127.0.0.1:1/x"]}}
    number, ended = 1, False
    while not ended:
        place = bench.place / str(number)
        place.mkdir()
        one, told = Bench(place), Clerk(place / "told")
        monkeypatch.setattr(heralds, "COMMAND", told.command)
        one.drop("talk", FILES)
        ended = one.once(at(number), **settings) == 1
        if not ended:
            assert one.once(**settings) in (0, 1)
        texts = [str(message["title"]) for message in told.told]
        assert set(texts) == {"Done in part: talk"}
        assert len(texts) <= 2
        number += 9
    assert number > 20


def test_a_wrong_clock_puts_nothing_off_for_years(bench: Bench, clerk: Clerk) -> None:
    herald, _ = heard(bench, clerk)
    far = Notice.of(Event.DONE, job(), bench.root / "done/weekly", time.time() + 1e9)
    herald._outbox.put(replace(far, tries=1))
    herald._stir()
    wait(lambda: clerk.told)
    herald.close()


def test_review_and_what_is_published_are_told(bench: Bench, stores: Stores, clerk: Clerk) -> None:
    said: dict[str, dict[str, object]] = {
        "notify": {"urls": ["json://127.0.0.1:1/x"]},
        "publish": {"to": ["plain"], "review": True},
    }
    bench.drop("talk", {"voice.wav": "some words", "ann.png": "ok"})
    with bench.watching(**said):
        bench.wait(lambda: [one for one in clerk.told if one["title"] == "Waits for approval: talk"])
        (bench.root / "working/talk/APPROVE").touch()
        bench.wait(lambda: [one for one in clerk.told if one["title"] == "Done: talk"])
    titles = [str(one["title"]) for one in clerk.told]
    assert titles == ["Waits for approval: talk", "Published: talk", "Done: talk"]
    assert clerk.told[0]["picture"] == "working/talk/ann.jpg"
    assert "https://plain/ipfs/" in str(clerk.told[1]["body"])
    assert "ipfs://" in str(clerk.told[2]["body"])


@pytest.mark.e2e
def test_fifty_jobs_that_end_at_once_are_all_told_and_none_waits(bench: Bench, clerk: Clerk) -> None:
    clerk.mood("there")
    for number in range(50):
        bench.drop(f"bad {number:02}", {"voice.wav": "x"})
    assert bench.once(notify={"urls": ["json://127.0.0.1:1/x"]}) == 1
    assert len([place for place in bench.places() if place.startswith("failed/")]) == 50
    text = "\n".join(f"{message['title']}\n{message['body']}" for message in clerk.told)
    assert all(f"bad {number:02}" in text for number in range(50))
    assert not [line for line in bench.log if line["level"] == "error"]
