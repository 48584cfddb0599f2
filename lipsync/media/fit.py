"""How large a picture may be: scaled down to the caps, never up, with even sides."""

from __future__ import annotations

LARGEST = 16384
"""The longest side H.264 can have."""


def fitted(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Give the size that fits the caps (0: none) in the same shape; both even where it had to be scaled."""
    most_width, most_height = min(most_width or LARGEST, LARGEST), min(most_height or LARGEST, LARGEST)
    share = min(1.0, most_width / width, most_height / height)
    if share == 1.0:
        return width, height
    return max(2, int(width * share / 2 + 0.5) * 2), max(2, int(height * share / 2 + 0.5) * 2)
