"""Settings from the environment: ``LIPSYNCD_RENDER__ENGINE=null`` is render.engine.

Unlike the stock source this one keeps names that no setting has, so that the model can refuse a misspelt one.
"""

from __future__ import annotations

import json
import os
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "LIPSYNCD_"


class EnvironmentSource(PydanticBaseSettingsSource):
    """The layer of settings that comes from the environment."""

    def get_field_value(self, field: object, field_name: str) -> tuple[object, str, bool]:
        """Not used: ``__call__`` reads all variables at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give the variables as nested tables; text that is JSON of a list or table is read as such."""
        layer: dict[str, Any] = {}
        for variable, text in sorted(os.environ.items()):
            if not variable.startswith(PREFIX):
                continue
            *sections, key = variable.removeprefix(PREFIX).lower().split("__")
            table = layer
            for section in sections:
                inner = table.setdefault(section, {})
                table = inner if isinstance(inner, dict) else table
            table[key] = _decoded(text)
        return layer


def _decoded(text: str) -> object:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
