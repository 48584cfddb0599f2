"""Tidings: a notice in words, plain and short, in English or Chinese. Names are data: none of them means anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from daemon.name import shown
from daemon.notice import Event, Notice

_TITLE, _NAME, _REASON, _BODY = 120, 80, 240, 1800
"""Most characters; services cut at 2000 or so, in the middle of an address."""

_WORDS = {
    "en": {
        "done": "Done: {}",
        "partly": "Done in part: {}",
        "failed": "Failed: {}",
        "review": "Waits for approval: {}",
        "published": "Published: {}",
        "made": "{n} videos: {names}",
        "one": "Video: {names}",
        "more": "{names} and {n} more",
        "comma": ", ",
        "missing": "Not made: {face}: {reason}",
        "others": "… and {n} more that could not be made",
        "error": "What was wrong: {}",
        "hint": "What to do: {}",
        "approve": "To let it go on: lipsyncd approve {}",
        "folder": "Folder: {}",
        "page": "More: {}",
        "many": "{n} messages",
        "test": "A test",
        "test body": "lipsyncd can tell you here what becomes of your videos.",
    },
    "zh": {
        "done": "已完成：{}",
        "partly": "部分完成：{}",
        "failed": "失败：{}",
        "review": "待审核：{}",
        "published": "已发布：{}",
        "made": "{n} 个视频：{names}",
        "one": "视频：{names}",
        "more": "{names} 等，另有 {n} 个",
        "comma": "、",
        "missing": "未生成：{face}：{reason}",
        "others": "……另有 {n} 个未能生成",
        "error": "原因：{}",
        "hint": "处理办法：{}",
        "approve": "批准并继续：lipsyncd approve {}",
        "folder": "文件夹：{}",
        "page": "详情：{}",
        "many": "{n} 条通知",
        "test": "测试通知",
        "test body": "lipsyncd 会在这里通知视频的进展。",
    },
}


@dataclass(frozen=True)
class Tidings:
    """What people read."""

    title: str
    body: str


def told(notice: Notice, language: str, page: str = "") -> Tidings:
    """Put a notice into words.

    Args:
        notice: The notice.
        language: "en" or "zh".
        page: Address of the page for people, or "".
    """
    lines = list(_lines(notice, _WORDS[language]))
    if page:
        lines.append(_WORDS[language]["page"].format(f"{page.rstrip('/')}/jobs/{quote(notice.job, safe='')}"))
    return Tidings(_headline(notice, language), _fitted(lines))


def digest(notices: Sequence[Notice], language: str) -> Tidings:
    """Put many notices into one message, a line each."""
    words = _WORDS[language]
    return Tidings(words["many"].format(n=len(notices)), _fitted([_headline(notice, language) for notice in notices]))


def test(language: str) -> Tidings:
    """Give the message of a test."""
    return Tidings(_WORDS[language]["test"], _WORDS[language]["test body"])


def _headline(notice: Notice, language: str) -> str:
    partly = notice.event is Event.DONE and notice.lost
    return _WORDS[language]["partly" if partly else notice.event].format(tame(notice.title, _TITLE))


def _lines(notice: Notice, words: dict[str, str]) -> Iterator[str]:
    if notice.count:
        names = words["comma"].join(tame(name, _NAME) for name in notice.made)
        if notice.count > len(notice.made):
            names = words["more"].format(names=names, n=notice.count - len(notice.made))
        yield words["one" if notice.count == 1 else "made"].format(n=notice.count, names=names)
    for one in notice.missing:
        yield words["missing"].format(face=tame(one.face, _NAME), reason=tame(one.reason, _REASON))
    if notice.lost > len(notice.missing):
        yield words["others"].format(n=notice.lost - len(notice.missing))
    if notice.error:
        yield words["error"].format(tame(notice.error, _REASON))
    if notice.hint:
        yield words["hint"].format(tame(notice.hint, _REASON))
    if notice.event is Event.REVIEW:
        yield words["approve"].format(tame(notice.job, _NAME))
    yield words["folder"].format(tame(notice.folder, 2 * _NAME))
    yield from (link for link in notice.links if link.isprintable() and " " not in link)


def tame(text: str, most: int) -> str:
    """Give a name so that it is only read: one line, no calls to people ("@all", "<!all>"), no links of its own."""
    plain = shown(text).replace("@", "@\u2060").replace("<", "<\u2060").replace("](", "]\u2060(")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _fitted(lines: Sequence[str]) -> str:
    """Give the lines that there is room for: a line is left out whole, for half an address is none."""
    kept: list[str] = []
    room = _BODY
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            kept.append("…")
            break
        kept.append(line)
    return "\n".join(kept)
