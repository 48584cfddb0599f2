"""Words: all that the page says, in English and Chinese, from ``words/*.toml``; and which one a browser wants."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
"""By the code that cookies and tables use; the name is what people who speak it call it."""
TAGS = {"en": "en", "zh": "zh-Hans"}
"""What HTML calls them."""
_FOLDER = Path(__file__).parent / "words"


class Speaker:
    """Says things in one language: ``t("now.title", n=3)``."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, default: str | None = None, /, **facts: object) -> str:
        """Give a text.

        Args:
            key: Name of the area, a dot, name of the text.
            default: What is said where there is no such text.
            **facts: What stands in it between braces; ``n`` chooses between one and many.

        Raises:
            KeyError: There is no such text, and no default.
        """
        texts = book().get(key)
        if texts is None:
            if default is None:
                raise KeyError(key)
            return default
        one = facts.get("n") == 1 and f"{self.language}_one" in texts
        return texts[f"{self.language}_one" if one else self.language].format(**facts)


@cache
def book() -> Mapping[str, Mapping[str, str]]:
    """Give all texts: by key, then by language."""
    pages = sorted(_FOLDER.glob("*.toml"))
    tables = {page.stem: tomllib.loads(page.read_text(encoding="utf-8")) for page in pages}
    return dict(_texts("", tables))


def _texts(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for name, inner in table.items():
        key = f"{prefix}{name}"
        if isinstance(inner.get("en"), str):
            yield key, inner
        else:
            yield from _texts(f"{key}.", inner)


def wanted(cookie: str, accepted: str) -> str:
    """Choose a language.

    Args:
        cookie: What was chosen on the page, or "".
        accepted: What the browser says in ``Accept-Language``.
    """
    if cookie in LANGUAGES:
        return cookie
    ranked = sorted(_ranked(accepted[:500]), key=lambda found: -found[0])
    return next((code for _, code in ranked if code in LANGUAGES), "en")


def _ranked(accepted: str) -> Iterator[tuple[float, str]]:
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if weight > 0:
            yield weight, tag.split("-")[0].lower()
