"""How large a picture may be: scaled down to the caps, never up, with even sides."""

from __future__ import annotations


def fitted(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Give the size that fits the caps (0: none) in the same shape; both even where it had to be scaled."""
    share = min(1.0, (most_width or width) / width, (most_height or height) / height)
    if share == 1.0:
        return width, height
    return max(2, int(width * share / 2 + 0.5) * 2), max(2, int(height * share / 2 + 0.5) * 2)
