"""Seeded drops of odd shape: names, links, pipes, folders in folders, what others left in them."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path

_NAMES = (
    *(
        b"p.png",
        b"say.wav",
        b"q.PNG",
        b"SAY.WAV",
        b".hidden.png",
        b"..png",
        b"...",
        b"-rf.png",
        b"--help.wav",
        b"a b.png",
    ),
    *(
        b"new\nline.png",
        b"tab\t.wav",
        b"bell\x07.png",
        b"esc\x1b[31m.png",
        b"quote\"'`.png",
        b"<b>&amp;.png",
        b"$(id).png",
    ),
    *(
        b"; rm -rf ~.png",
        b"%s%n.png",
        b"{0}.png",
        b"\xff\xfe.png",
        b"\xc3\x28.wav",
        b"\xed\xa0\x80.png",
        b"CON.png",
        b"nul",
    ),
    *(
        "\u202egnp.exe.png".encode(),
        "名字.png".encode(),
        "e\u0301.png".encode(),
        "\u00e9.png".encode(),
        "🙂.wav".encode(),
    ),
    *(
        b"x" * 251 + b".png",
        "名".encode() * 83 + b".png",
        b"a.part",
        b"b.tmp",
        b"~$x.wav",
        b".p.png.Ab12Cd",
        b"Thumbs.db",
    ),
    *(
        b"WHY.txt",
        b"job.toml",
        b"job.json",
        b"manifest.json",
        b"STATUS.txt",
        b"CANCEL",
        b"APPROVE",
        b"post.md",
        b"p.mp4",
    ),
    *(b"inputs", b".lipsyncd", b"job.log", b"p.jpg", b".WHY.txt.part", b".job.json.part", b"lock", b"retry", b"letter"),
)


def odd_folder(folder: Path, media: dict[str, bytes], chance: random.Random, canary: Path) -> None:
    """Fill a folder with a few of the names above and whatever may bear a name."""
    folder.mkdir(parents=True)
    if chance.random() < 0.6:
        (folder / "p.png").write_bytes(media["plain.png"])
        (folder / "say.wav").write_bytes(media["pcm.wav"])
    for _ in range(chance.randint(0, 6)):
        _entry(folder, media, chance, canary, 3)


def _entry(folder: Path, media: dict[str, bytes], chance: random.Random, canary: Path, depth: int) -> None:
    path = folder / os.fsdecode(chance.choice(_NAMES))
    if os.path.lexists(path):  # it may be a pipe, and writing to it would never end
        return
    if chance.random() < 0.45:
        path.write_bytes(chance.choice([b"", b"x", *media.values()]))
    elif chance.random() < 0.6:
        _special(path, media, chance, canary)
    elif depth:
        path.mkdir()
        for _ in range(chance.randint(0, 4)):
            _entry(path, media, chance, canary, depth - 1)


def _special(path: Path, media: dict[str, bytes], chance: random.Random, canary: Path) -> None:
    """Make what is no file, or a file that is somebody else's or may not be read."""
    kind = chance.randrange(5)
    if kind == 0:
        path.symlink_to(chance.choice([str(canary), "/etc/passwd", "p.png", ".", "..", "/", "nowhere", path.name]))
    elif kind == 1:
        os.mkfifo(path)
    elif kind == 2:
        os.link(canary, path)
    elif kind == 3:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as door:
            door.bind(str(path))
    else:
        path.write_bytes(media["plain.png"])
        path.chmod(chance.choice([0, 0o111, 0o222]))
