"""The announcer at Paragraph (where Mirror moved): leaves the post there as a draft, once for each parcel.

By its documented API (paragraph.com/docs/api-reference, OpenAPI 3.1): ``POST /v1/posts`` publishes at once unless
``status`` is "draft". So the drafts are listed first: an API that knows none is given nothing. A draft is known again
by its slug, which is made from the parcel.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from publishers.address import is_local
from publishers.base import Beat, Examination, Parcel, Post, Receipt
from publishers.errors import PublisherError, Refused, Unreachable
from publishers.http import Answer, Web
from publishers.ledger import Ledger
from publishers.record import LOST, SENT, Record
from publishers.secret import Secret, read_secret

API = "https://public.api.paragraph.com/api"
DRAFT = "draft"
STATUSES = (DRAFT, "scheduled", "published", "archived")
"""What a post may have become by the time that it is looked for: its person may have been quick."""
TITLE, SUBTITLE, SLUG = 200, 300, 100
"""Most characters that are sent of each; the API takes no longer title and subtitle."""
PAGE, PAGES = 100, 20
"""Posts in one answer of a list, and answers that are looked through."""
IN_FLIGHT = 60.0
"""Seconds after which a call that was never answered can no longer make a post."""
PATIENCE, QUICK = 20.0, 2.0
"""Seconds that the API may take to answer: usually, and when it is only asked how it is."""


class ParagraphPublisher:
    """Leaves drafts in the publication that a key belongs to. Nothing here can publish."""

    def __init__(self, api: str, key: Secret, ledger: Ledger) -> None:
        """Prepare; nothing is contacted.

        Args:
            api: Address that ``/v1/posts`` is put behind.
            key: The publication's API key.
            ledger: Which drafts were left.

        Raises:
            PublisherError: The address is none, or the key would go over an open line.
        """
        if api.startswith("http://") and not is_local(api):
            raise PublisherError("publish.paragraph.api is not https", "Everybody on the way could read the key.")
        self._api, self._key, self._ledger = api, key, ledger
        self._web = self._line(PATIENCE)
        self._place = f"paragraph:{self._web.host}"

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], state: Path) -> ParagraphPublisher:
        """Take ``api`` and ``key`` (a file; else the systemd credential ``paragraph-key``).

        Raises:
            PublisherError: There is no key, or a setting is unknown or of the wrong kind.
        """
        if unknown := sorted(settings.keys() - {"api", "key"}):
            raise PublisherError(f"publish.paragraph has no key {unknown[0]!r}", "It has api and key.")
        api, path = settings.get("api", API), settings.get("key", "")
        if not isinstance(api, str) or not isinstance(path, str):
            raise PublisherError("publish.paragraph is not right", "api is an address, key the path of a file.")
        key = read_secret(path, "paragraph-key")
        if key is None:
            advice = "Make one in the publication's settings at Paragraph, and name its file in publish.paragraph.key."
            raise PublisherError("there is no API key for Paragraph", advice)
        return cls(api or API, key, Ledger(state))

    @property
    def name(self) -> str:
        """The name in ``publish.to``."""
        return "paragraph"

    def announce(self, post: Post, parcel: Parcel, beat: Beat) -> Receipt:
        """Leave the draft, unless this parcel has one already; a person publishes it there, among their drafts.

        Returns:
            ``address`` is "paragraph:ID"; the API names no address of the web for drafts.

        Raises:
            Unreachable: Paragraph did not answer, or it is not known yet whether the draft was made.
            Refused: It said no; or it says that the post is no draft, which a person has to look at.
        """
        token = hashlib.sha256(f"lipsyncd\0{parcel.id}".encode()).hexdigest()[:16]
        with self._ledger.turn(self._place, parcel.id):
            record = self._ledger.find(self._place, parcel.id)
            if record is None or record.state != SENT:
                record = self._leave(post, token, record, parcel, beat)
        digest = hashlib.sha256(post.markdown.encode()).hexdigest()
        return Receipt(self.name, "", digest, record.address, "", "sent")

    def examine(self) -> tuple[Examination, ...]:
        """Ask whose key it is."""
        try:
            line = self._line(QUICK)
            document = _json(line, line.get("/v1/me"), "asked whose key it is")
        except (Unreachable, Refused) as error:
            return (Examination("Paragraph", "fail", error.message, error.hint),)
        called = "".join(sign for sign in str(document.get("name", ""))[:80] if sign.isprintable())
        return (Examination("Paragraph", "ok", f"the key is of the publication {called!r}"),)

    def _leave(self, post: Post, token: str, record: Record | None, parcel: Parcel, beat: Beat) -> Record:
        """Return the record of the draft: of one that an earlier call made and never heard of, or of a new one."""
        beat(0.0)
        made = self._find(token, STATUSES if record else (DRAFT,), beat)
        if made is None and record and time.time() - record.updated < IN_FLIGHT:
            raise Unreachable(
                "Paragraph did not say whether it made the draft",
                "It is looked for again before another one is made.",
                IN_FLIGHT,
            )
        if record is None:
            record = self._ledger.intend(Record(self._place, parcel.id, f"paragraph:{token}", parcel=parcel.id))
        else:
            record = self._ledger.update(record, state=record.state)  # its time counts from this call on
        if made is None:
            made = self._create(_document(post, token), record)
        record = self._ledger.update(record, state=SENT, address=f"paragraph:{made['id']}")
        if made["status"] != DRAFT:  # said once; whoever comes back has looked
            raise Refused(
                f"Paragraph says that the post {post.title!r} is {made['status']}, though a draft was asked for",
                "Look at it there, now; if you released it yourself, all is well.",
            )
        beat(1.0)
        return record

    def _find(self, token: str, statuses: tuple[str, ...], beat: Beat) -> dict[str, str] | None:
        """Look through the posts for the one of that slug.

        Raises:
            Refused: There are too many to look through.
        """
        for status in statuses:
            cursor = ""
            for _ in range(PAGES):
                beat(0.0)
                page: dict[str, str | int] = {"status": status, "limit": PAGE}
                if cursor:
                    page["cursor"] = cursor
                document = _json(self._web, self._web.get("/v1/posts", params=page), f"asked for each {status} post")
                items = document.get("items")
                for item in items if isinstance(items, list) else []:
                    if isinstance(item, dict) and token in str(item.get("slug")) and item.get("id"):
                        return {"id": str(item["id"]), "status": status}
                more = document.get("pagination")
                cursor = str(more.get("cursor") or "") if isinstance(more, dict) and more.get("hasMore") else ""
                if not cursor:
                    break
            else:
                raise Refused(
                    f"there are more than {PAGE * PAGES} {status} posts at Paragraph, so ours was not looked for",
                    "Whether there is a draft already is not known: look there, and make it by hand from post.md.",
                )
        return None

    def _create(self, document: Mapping[str, object], record: Record) -> dict[str, str]:
        """Make the draft. What says anything but "draft" is not sent."""
        if document.get("status") != DRAFT or document.get("sendNewsletter") or "scheduledAt" in document:
            raise PublisherError("lipsyncd was about to publish at Paragraph by itself", "Please report this.")
        answer = self._web.call("POST", "/v1/posts", document=document)
        if 400 <= answer.status < 500:
            self._ledger.update(record, state=LOST)  # nothing was made; asked for another time, it is tried anew
        made = _json(self._web, answer, "asked for a draft")
        if not isinstance(made.get("id"), str):
            raise Unreachable("Paragraph did not say which post it made", "It is looked for by itself.")
        return {"id": made["id"], "status": str(made.get("status") or "of an unknown state")}

    def _line(self, patience: float) -> Web:
        return Web(self._api, "Paragraph", token=self._key, read=patience, deadline=2 * patience)


def _document(post: Post, token: str) -> dict[str, object]:
    """Return the body of the call."""
    words = re.sub(r"[^a-z0-9]+", "-", post.title.lower()).strip("-")[: SLUG - len(token) - 1].strip("-")
    document: dict[str, object] = {
        "title": post.title[:TITLE],
        "markdown": post.markdown,
        "status": DRAFT,
        "sendNewsletter": False,
        "slug": f"{words}-{token}" if words else token,
    }
    return document | ({"subtitle": post.summary[:SUBTITLE]} if post.summary else {})


def _json(web: Web, answer: Answer, doing: str) -> dict[str, Any]:
    """Return what was answered, in the form that the API has."""
    if not answer.ok:
        raise web.fault(answer, doing)
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unreachable(f"Paragraph ({web.host}) talks nonsense", "Is publish.paragraph.api right?")
    return document
