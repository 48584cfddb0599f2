"""The post, judged as a reader sees it: rendered by a Markdown reader that is not ours."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import pytest
from markdown_it import MarkdownIt

from publishers import (
    Credentials,
    Label,
    Manifest,
    Poster,
    Receipt,
    Tool,
    Video,
    announcement,
    contenthash,
    post,
    text,
    write_post,
)

HOSTILE = [
    "a|b",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "# not a title",
    "1. no list",
    "- no list",
    "> no quote",
    "    no code",
    "`code`",
    "**bold** _it_ ~~gone~~",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "](https://evil.example)",
    "https://evil.example/ and www.evil.example",
    "<https://evil.example>",
    "me@evil.example",
    "&lt;b&gt; &amp;",
    "line\nbreak\r\n\r\n# title\n---\n===",
    "back\\slash\\`|",
    "tab\tand \x00 nul \x1b[31m",
    "{{ template }} $math$ ^[note]",
    "旁白 — “引号” 😀 👩‍🚀",
    "'quotes' \"double\"",
]


class Reading(HTMLParser):
    """What a browser would show: tags, texts by tag, addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        values = dict(attrs)
        self.addresses += [value for key in ("href", "src") if (value := values.get(key))]
        if tag == "img":
            self.alts.append(values.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag = next((t for t in reversed(self.open) if t not in ("em", "strong", "img")), "")
        if self.texts and self.texts[-1][0] == tag and tag:
            data = self.texts.pop()[1] + data
        self.texts.append((tag, data))

    def said(self, tag: str) -> list[str]:
        return [data for name, data in self.texts if name == tag]


def read(markdown: str) -> Reading:
    return Reading(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


def named(manifest: Manifest, name: str) -> Manifest:
    video = replace(
        manifest.videos[0], file=f"{name}.mp4", poster=replace(manifest.videos[0].poster, file=f"{name}.jpg")
    )
    return replace(manifest, title=name, description=name, videos=(video,))


def seen(name: str) -> str:
    """What shall be seen of a text: it, with all that is white or unprintable as single spaces."""
    return " ".join(re.sub(r"[\s\x00-\x1f\x7f]", " ", name).split())


def test_it_reads_as_a_post(result: Any) -> None:
    page = read(post(result.manifest))
    assert page.said("h1") == ["周报 2026-11"]
    assert page.said("h2") == ["alice", "卡萝", "Check it yourself"]
    assert [line.strip() for line in page.said("p")[:2]] == ["Erste Zeile.", "Zweite."]
    assert page.tags.count("img") == 2
    video = result.manifest.videos[0]
    assert f"https://example.org/{video.cid}" in page.addresses
    assert f"ipfs://{video.cid}" in page.said("code")
    assert "lipsyncd verify ." in page.said("code")
    for file in (*result.manifest.videos, *(v.poster for v in result.manifest.videos)):
        assert file.sha256 in page.said("code")
        assert file.cid in page.said("code")
        assert file.file in page.said("td")
        assert str(file.bytes) in page.said("td")
    assert result.manifest.directory.cid in page.said("code")


def test_what_is_published_nowhere_links_to_the_file_beside(result: Any) -> None:
    page = read(post(result.manifest))
    assert {"卡萝.jpg", "卡萝.mp4"} <= {unquote(address) for address in page.addresses}


def test_a_published_poster_is_shown_from_its_gateway(result: Any) -> None:
    video = result.manifest.videos[0]
    receipt = Receipt(
        "ipfs", "alice.jpg", video.poster.sha256, "ipfs://b", "https://gw.example/a b(c).jpg", "read back"
    )
    changed = replace(video, poster=replace(video.poster, receipts=(receipt,)))
    page = read(post(replace(result.manifest, videos=(changed,))))
    assert "https://gw.example/a%20b%28c%29.jpg" in page.addresses


def test_addresses_are_listed_as_what_they_are(result: Any) -> None:
    video = result.manifest.videos[0]
    receipts = (
        Receipt("arweave", "alice.mp4", video.sha256, "ar://abc_-9", "https://arweave.net/abc_-9", "pending"),
        Receipt("folder", "alice.mp4", video.sha256, "folder:alice.mp4", "", "read back"),
        Receipt("odd", "alice.mp4", video.sha256, "javascript:alert(1)", "javascript:alert(1)", "read back"),
    )
    markdown = post(replace(result.manifest, videos=(replace(video, receipts=receipts),)))
    assert "- Arweave: `ar://abc_-9` (pending)" in markdown
    assert "[Watch alice](https://arweave.net/abc_-9)" in markdown
    assert "folder" not in markdown
    assert "javascript" not in markdown


def kept(manifest: Manifest) -> Manifest:
    """Return the manifest as it is once all of it is in IPFS and Arweave."""
    root = manifest.directory.cid
    whole = (
        Receipt("ipfs", "", "0" * 64, f"ipfs://{root}", f"https://gw.example/ipfs/{root}", "read back"),
        Receipt("arweave", "", "1" * 64, f"ar://{'m' * 43}", f"https://ar.example/{'m' * 43}", "confirmed"),
    )

    def receipts(file: Video | Poster, letter: str) -> tuple[Receipt, ...]:
        own = (
            (f"ipfs://{file.cid}", f"https://gw.example/ipfs/{file.cid}"),
            (f"ar://{letter * 43}", "https://ar.example/x"),
        )
        names = ("ipfs", "arweave")
        return tuple(
            Receipt(name, file.file, file.sha256, *where, "read back") for name, where in zip(names, own, strict=True)
        )

    videos = tuple(
        replace(
            video,
            receipts=receipts(video, "v"),
            poster=replace(video.poster, receipts=receipts(video.poster, "p")),
            credentials=Credentials("valid", "lipsyncd on nas", False),
        )
        for video in manifest.videos
    )
    return replace(manifest, videos=videos, directory=replace(manifest.directory, receipts=whole))


def test_a_kept_result_is_told_of_with_all_its_addresses(result: Any) -> None:
    manifest = kept(result.manifest)
    own = Receipt("ipfs", "manifest.json", "2" * 64, "ipfs://bafymanifest", "https://gw.example/ipfs/m", "read back")
    markdown = post(manifest, (own,))
    page, root = read(markdown), manifest.directory.cid
    said = page.said("code")
    for video in manifest.videos:
        assert f"ipfs://{root}/{quote(video.file)}" in said
        link = f"https://gw.example/ipfs/{root}/{quote(video.file)}"
        poster = f"https://gw.example/ipfs/{root}/{quote(video.poster.file)}"
        stem = video.file.removesuffix(".mp4")
        assert f"[![{stem}]({poster})]({link})" in markdown, "a poster that leads to the video"
        assert f"[Watch {stem}]({link})" in markdown, "for editors that drop the link of a picture"
    for address in (f"ipfs://{root}", f"ar://{'m' * 43}", f"ar://{'v' * 43}", "ipfs://bafymanifest"):
        assert address in said
    assert contenthash(root) in said
    assert f"ipfs get {root}" in said
    assert "https://gw.example/ipfs/m" in page.addresses
    assert markdown.count("Content credentials") == 1, "said once where all are signed alike"
    assert "not who made it" in markdown


def test_credentials_are_told_of_as_what_they_are(result: Any) -> None:
    video = result.manifest.videos[0]
    signed = {
        "for whom a known authority vouches": Credentials("valid", "Ann", True),
        "not who made it": Credentials("valid", "Ann", False),
        "the content was changed": Credentials("the content was changed", "Ann", True),
    }
    for words, credentials in signed.items():
        markdown = post(replace(result.manifest, videos=(replace(video, credentials=credentials),)))
        assert words in markdown
        assert [other for other in signed if other in markdown] == [words]
    unlike = (replace(video, credentials=Credentials("valid", "Ann", True)), result.manifest.videos[1])
    assert post(replace(result.manifest, videos=unlike)).count("Content credentials") == 1
    assert "Content credentials" not in post(result.manifest)


def test_a_gateway_of_this_machine_alone_comes_last(result: Any) -> None:
    video = result.manifest.videos[0]
    where = ("http://127.0.0.1:8080/ipfs/x", "https://gw.example/x")
    receipts = tuple(Receipt("ipfs", "alice.mp4", video.sha256, f"ipfs://{video.cid}", g, "read back") for g in where)
    markdown = post(replace(result.manifest, videos=(replace(video, receipts=receipts),)))
    assert "[Watch alice](https://gw.example/x)" in markdown
    assert "127.0.0.1:8080" in read(markdown).said("a")


def test_an_announcement_shows_its_title_elsewhere_and_leads_to_no_local_file(result: Any) -> None:
    made = announcement(kept(result.manifest))
    assert (made.title, made.summary) == ("周报 2026-11", "Erste Zeile. Zweite.")
    page = read(made.markdown)
    assert "h1" not in page.tags
    assert page.tags.count("img") == 2
    bare = read(announcement(result.manifest).markdown)
    assert all(address.startswith("https://") for address in bare.addresses)
    assert bare.said("h2") == ["alice", "卡萝", "Check it yourself"]
    long = announcement(replace(result.manifest, description="Wort " * 200, title="\u202e"))
    assert (long.title, long.summary[-1], len(long.summary)) == ("Untitled", "…", 280)


@pytest.mark.parametrize("name", HOSTILE)
def test_issuers_labels_and_warnings_are_data(result: Any, name: str) -> None:
    manifest = kept(result.manifest)
    video = replace(
        manifest.videos[0],
        credentials=Credentials("valid", name, False),
        label=Label(name, "corner", ()),
        warnings=(name,),
    )
    page = read(post(replace(manifest, videos=(video,), tool=Tool(name, name))))
    allowed = {"h1", "h2", "p", "a", "img", "ul", "li", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(page.tags) <= allowed
    assert page.tags.count("img") == 1
    assert not [address for address in page.addresses if "evil" in address]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_titles_are_data(result: Any, name: str) -> None:
    name = name.replace("/", "∕") if "/" in name else name  # a title may hold a slash, a file name may not
    manifest = named(result.manifest, name.replace("\x00", "")[:60])
    shown = seen(name.replace("\x00", "")[:60])
    page = read(post(manifest))
    allowed = {"h1", "h2", "p", "a", "img", "ul", "li", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(page.tags) <= allowed
    assert page.said("h1") == [shown]
    assert page.said("h2")[0] == shown
    assert page.alts == [shown]
    assert [text for text in page.said("td") if text.endswith((".mp4", ".jpg"))] == [f"{shown}.mp4", f"{shown}.jpg"]
    assert page.tags.count("img") == 1
    assert page.tags.count("tr") == 3
    assert not [address for address in page.addresses if "evil" in address and "://" in address]


@pytest.mark.parametrize("title", HOSTILE)
def test_titles_with_slashes_are_data_too(result: Any, title: str) -> None:
    page = read(post(replace(result.manifest, title=title, description=title, videos=())))
    assert page.said("h1") == [seen(title)]
    assert set(page.tags) <= {"h1", "p"}
    assert seen(" ".join(page.said("p"))) == seen(title)


@pytest.mark.parametrize(
    "name", ["https://evil.example/x", "see www.evil.example", "me@evil.example", "HTTP://EVIL.example"]
)
def test_nothing_a_person_wrote_becomes_a_link_by_itself(name: str) -> None:
    # What GitHub and many editors turn into links: a scheme, "www.", a mail address, none of them interrupted.
    assert not re.search(r"(?i)[a-z]://|www\.|[^\\]@", text.escaped(name))


def test_marks_that_turn_text_around_are_left_out(result: Any) -> None:
    markdown = post(named(result.manifest, "cod\u202egpj.\u2066exe\u200f\ufeff\ud800"[:-1]))
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", markdown)
    assert "# codgpj.exe" in markdown


def test_a_name_of_nothing_visible_has_a_heading_all_the_same(result: Any) -> None:
    page = read(post(named(result.manifest, "\u202e\n")))
    assert page.said("h1") == page.said("h2")[:1] == ["Untitled"]


def test_every_address_of_a_file_leads_to_it(result: Any) -> None:
    name = "50% (a) <b> #c ?d=e&f 旁白"
    page = read(post(named(result.manifest, name)))
    assert f"{name}.jpg" in [unquote(address) for address in page.addresses]
    assert all(re.fullmatch(r"[A-Za-z0-9%._~:/-]+", address) for address in page.addresses)


def test_it_is_written_whole(result: Any) -> None:
    path = write_post(result.manifest, result.folder)
    assert path.name == "post.md"
    assert path.read_text(encoding="utf-8") == post(result.manifest)
    assert isinstance(result.manifest.videos[0].poster, Poster)
