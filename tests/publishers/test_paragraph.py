"""Paragraph: a draft, never anything else, once for each parcel; against a server that follows the documented API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from publishers import (
    Announcer,
    Examined,
    Parcel,
    Post,
    PublisherError,
    Refused,
    Unreachable,
    build,
    paragraph,
    quietly,
)
from publishers.paragraph import ParagraphPublisher
from tests.nodes.paragraph import ParagraphService
from tests.nodes.server import Call, Reply, document
from tests.publishers.mishap import DiedError, Mishap

POST = Post("周报 Weekly report", "## alice\n\n`ipfs://ROOT/alice.mp4`\n", "What happened.")
PARCEL = Parcel("a1b2", "周报", ())


class Bench:
    """The service, and a publisher that uses it."""

    def __init__(self, home: Path, service: ParagraphService) -> None:
        self.home, self.service = home, service
        key = home / "paragraph.key"
        key.write_text(service.key)
        key.chmod(0o600)
        self.settings: dict[str, object] = {"api": service.api, "key": str(key)}

    def publisher(self) -> ParagraphPublisher:
        made = build("paragraph", self.settings, self.home / "state")
        assert isinstance(made, ParagraphPublisher)
        return made

    def posts(self) -> list[Call]:
        return [call for call in self.service.calls if call.method == "POST"]

    def made_then(self, reply: Reply) -> None:
        """Let the next post be made and answered with something else."""
        usual = self.service.answer

        def answer(call: Call) -> Reply:
            if call.method != "POST":
                return usual(call)
            usual(call)
            self.service.answer = usual  # type: ignore[method-assign]
            return reply

        self.service.answer = answer  # type: ignore[method-assign]

    def instead(self, reply: Reply, method: str = "POST") -> None:
        """Let the next call of that kind do nothing, and be answered with something else."""
        usual = self.service.answer

        def answer(call: Call) -> Reply:
            if call.method != method:
                return usual(call)
            self.service.answer = usual  # type: ignore[method-assign]
            return reply

        self.service.answer = answer  # type: ignore[method-assign]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ParagraphService("paragraph-s3cret") as service:
        yield Bench(tmp_path, service)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no call be under way any more."""
    monkeypatch.setattr(paragraph, "IN_FLIGHT", 0.0)


def test_it_announces_and_can_be_examined(bench: Bench) -> None:
    assert isinstance(bench.publisher(), Announcer)
    assert isinstance(bench.publisher(), Examined)
    assert [(one.state, one.found) for one in bench.publisher().examine()] == [
        ("ok", "the key is of the publication 'A publication'")
    ]
    bench.service.key = "another"
    [found] = bench.publisher().examine()
    assert (found.state, "401" in found.found) == ("fail", True)


def test_it_leaves_a_draft_and_nothing_goes_out(bench: Bench) -> None:
    receipt = bench.publisher().announce(POST, PARCEL, quietly)
    [made] = bench.service.posts
    assert made["status"] == "draft"
    assert made["markdown"] == POST.markdown
    assert made["title"] == POST.title
    assert made["subtitle"] == POST.summary
    assert made["slug"].startswith("weekly-report-")
    assert bench.service.letters == 0
    asked = json.loads(bench.posts()[0].body)
    assert (asked["status"], asked["sendNewsletter"], "scheduledAt" in asked) == ("draft", False, False)
    assert (receipt.publisher, receipt.name, receipt.state) == ("paragraph", "", "sent")
    assert receipt.address == f"paragraph:{made['id']}"


@pytest.mark.parametrize(
    "changed", [{"status": "published"}, {"status": None}, {"sendNewsletter": True}, {"scheduledAt": 5}]
)
def test_nothing_but_a_draft_can_be_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]
) -> None:
    usual = paragraph._document
    monkeypatch.setattr(paragraph, "_document", lambda post, token: usual(post, token) | changed)
    with pytest.raises(PublisherError, match="about to publish"):
        bench.publisher().announce(POST, PARCEL, quietly)
    assert not bench.posts()


def test_a_parcel_has_one_draft_whatever_is_called_again(bench: Bench) -> None:
    first = bench.publisher().announce(POST, PARCEL, quietly)
    assert bench.publisher().announce(POST, PARCEL, quietly) == first
    assert bench.publisher().announce(replace(POST, title="Other"), PARCEL, quietly).address == first.address
    assert len(bench.posts()) == 1
    (bench.home / "state" / "ledger.sqlite").unlink()
    assert bench.publisher().announce(POST, PARCEL, quietly) == first
    assert len(bench.posts()) == 1, "the draft is known by its slug"
    assert bench.publisher().announce(POST, replace(PARCEL, id="other"), quietly).address != first.address


def test_an_answer_that_was_lost_leads_to_no_second_draft(bench: Bench) -> None:
    bench.made_then(Reply(reset=True))
    with pytest.raises(Unreachable):
        bench.publisher().announce(POST, PARCEL, quietly)
    receipt = bench.publisher().announce(POST, PARCEL, quietly)
    assert receipt.address == f"paragraph:{bench.service.posts[0]['id']}"
    assert len(bench.service.posts) == 1


def test_dying_between_any_two_effects_leads_to_no_second_draft(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: None
) -> None:
    mishap = Mishap(monkeypatch)
    boundaries = 0
    while True:
        bench.service.posts.clear()
        state = tmp_path / f"state-{boundaries}"
        publisher = build("paragraph", bench.settings, state)
        assert isinstance(publisher, Announcer)
        mishap.arm(boundaries)
        try:
            publisher.announce(POST, PARCEL, quietly)
        except DiedError:
            mishap.arm(-1)
        else:
            break
        anew = build("paragraph", bench.settings, state)
        assert isinstance(anew, Announcer)
        anew.announce(POST, PARCEL, quietly)
        assert len(bench.service.posts) == 1, f"died at boundary {boundaries}"
        boundaries += 1
    assert boundaries == 8  # list, intend, create, note: before and after


def test_a_call_that_may_be_under_way_is_waited_for_and_then_made_again(bench: Bench, later: None) -> None:
    bench.instead(Reply(500))
    with pytest.raises(Unreachable):
        bench.publisher().announce(POST, PARCEL, quietly)
    bench.publisher().announce(POST, PARCEL, quietly)
    assert len(bench.service.posts) == 1


def test_while_it_may_be_under_way_none_is_made(bench: Bench) -> None:
    bench.instead(Reply(reset=True))
    with pytest.raises(Unreachable):
        bench.publisher().announce(POST, PARCEL, quietly)
    with pytest.raises(Unreachable, match="did not say whether it made the draft") as caught:
        bench.publisher().announce(POST, PARCEL, quietly)
    assert caught.value.wait == 60
    assert not bench.service.posts


def test_a_draft_that_a_person_has_released_meanwhile_is_found_too(bench: Bench) -> None:
    bench.made_then(Reply(reset=True))
    with pytest.raises(Unreachable):
        bench.publisher().announce(POST, PARCEL, quietly)
    bench.service.posts[0]["status"] = "published"
    with pytest.raises(Refused, match=r"is published.*if you released it yourself"):
        bench.publisher().announce(POST, PARCEL, quietly)
    assert bench.publisher().announce(POST, PARCEL, quietly).state == "sent"
    assert len(bench.service.posts) == 1


@pytest.mark.parametrize("status", ["published", "scheduled", None])
def test_an_answer_that_is_no_draft_is_cried_out(bench: Bench, status: str | None) -> None:
    said = {"id": "post0001"} | ({"status": status} if status else {})
    bench.made_then(document(200, said))
    with pytest.raises(Refused, match=r"though a draft was asked for.*Look at it there, now"):
        bench.publisher().announce(POST, PARCEL, quietly)
    bench.publisher().announce(POST, PARCEL, quietly)
    assert len(bench.service.posts) == 1


def test_an_api_that_knows_no_drafts_is_given_nothing(bench: Bench) -> None:
    bench.instead(document(404, {"success": False, "msg": "Not found"}), "GET")
    with pytest.raises(Refused):
        bench.publisher().announce(POST, PARCEL, quietly)
    assert not bench.posts()


def test_what_was_refused_may_be_tried_again(bench: Bench) -> None:
    bench.instead(document(400, {"success": False, "msg": "title is too long"}))
    with pytest.raises(Refused, match="title is too long"):
        bench.publisher().announce(POST, PARCEL, quietly)
    bench.publisher().announce(POST, PARCEL, quietly)
    assert len(bench.service.posts) == 1


def test_it_is_found_among_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.made_then(Reply(reset=True))
    with pytest.raises(Unreachable):
        bench.publisher().announce(POST, PARCEL, quietly)
    others = [{"id": f"other{n}", "status": "draft", "slug": f"x{n}"} for n in range(250)]
    bench.service.posts += others
    bench.publisher().announce(POST, PARCEL, quietly)
    assert len(bench.posts()) == 1
    monkeypatch.setattr(paragraph, "PAGES", 2)
    with pytest.raises(Refused, match="more than 200 draft posts"):
        bench.publisher().announce(POST, replace(PARCEL, id="other"), quietly)
    assert len(bench.posts()) == 1


@pytest.mark.parametrize("title", ["", "x" * 500, "旁白", "A/B: c?d=#1", "-"])
def test_titles_of_any_kind_keep_to_the_limits(bench: Bench, title: str) -> None:
    bench.publisher().announce(Post(title or "Untitled", "text", "s" * 1000), PARCEL, quietly)
    [made] = bench.service.posts
    assert len(made["slug"]) <= 100
    assert made["slug"].strip("-") == made["slug"]


def test_the_key_is_shown_nowhere(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    publisher = bench.publisher()
    said = [repr(publisher.announce(POST, PARCEL, quietly)), repr(vars(publisher)), caplog.text]
    bench.service.key = "another"
    with pytest.raises(Refused) as caught:
        publisher.announce(POST, replace(PARCEL, id="other"), quietly)
    said += [str(caught.value), repr(publisher.examine())]
    said += [str(path.read_bytes()) for path in (bench.home / "state").rglob("*") if path.is_file()]
    assert not [words for words in said if "s3cret" in words]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": ""}, "there is no API key"),
        ({"key": "/no/such/file"}, "cannot be read"),
        ({"api": 5}, "not right"),
        ({"api": "nonsense"}, "must start with"),
        ({"api": "http://paragraph.example/api"}, "not https"),
        ({"kee": ""}, "no key 'kee'"),
    ],
)
def test_settings_that_are_not_right_are_named(bench: Bench, changed: dict[str, object], said: str) -> None:
    with pytest.raises(PublisherError, match=said):
        build("paragraph", bench.settings | changed, bench.home)
