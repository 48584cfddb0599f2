"""What a browser fetches to show a page of History: posters as they are, and the small pictures made of them."""

from __future__ import annotations

import http.client
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import av
import cv2

from benchmarks import material

_SMALL = re.compile(r'src="(/jobs/[^"]+/thumbnail/320\?v=\w+)"')


@dataclass(frozen=True)
class Shown:
    """All pictures of one page: bytes in all, seconds in all, and the slowest one's seconds."""

    number: int
    bytes: int
    seconds: float
    slowest: float


def hang(folder: Path, homes: list[Path]) -> int:
    """Put a poster of 1280×720 into each of these jobs' folders; the bytes of all of them."""
    sizes = []
    with av.open(str(material.clip(folder / "posters.mp4", len(homes) / 25))) as film:
        for home, frame in zip(homes, film.decode(video=0), strict=False):
            _, data = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, 90])
            (home / "alice.jpg").write_bytes(data.tobytes())
            sizes.append(len(data))
    return sum(sizes)


def links(text: str, width: int) -> list[str]:
    """Give the addresses of the small pictures on a page."""
    return [link.replace("/320?", f"/{width}?") for link in _SMALL.findall(text)]


def fetched(port: int, found: list[str]) -> Shown:
    """Fetch them one after another, on one connection."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sizes, times = list[int](), list[float]()
    for link in found:
        begun = time.perf_counter()
        line.request("GET", link)
        answer = line.getresponse()
        sizes.append(len(answer.read()))
        times.append(time.perf_counter() - begun)
        if answer.getheader("content-type") != "image/jpeg":
            raise RuntimeError(f"{link} shows nothing")
    line.close()
    return Shown(len(found), sum(sizes), sum(times), max(times))


def row(name: str, shown: Shown) -> list[str]:
    """Give a line of a table."""
    return [name, f"{shown.bytes / 1000:.0f} kB", f"{shown.seconds * 1000:.0f} ms", f"{shown.slowest * 1000:.0f} ms"]


def middle(port: int, found: list[str], rounds: int = 5) -> Shown:
    """Fetch them several times."""
    all_of_them = [fetched(port, found) for _ in range(rounds)]
    seconds = statistics.median(one.seconds for one in all_of_them)
    return Shown(len(found), all_of_them[0].bytes, seconds, max(one.slowest for one in all_of_them))
