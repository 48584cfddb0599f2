"""Files made to make FFmpeg read other files or the network."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lipsync import AUDIO_SUFFIXES, PHOTO_SUFFIXES, VIDEO_SUFFIXES, Limits, Options
from lipsync.errors import MediaError
from lipsync.media import open_face, open_speech
from tests.e2e.lures import PLAYLISTS

if TYPE_CHECKING:
    from conftest import Footage


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine, and what was sent to it."""
    server = socket.create_server(("127.0.0.1", 0))
    calls: list[bytes] = []

    def serve() -> None:
        try:
            while True:
                connection, _ = server.accept()
                calls.append(b"called")
                connection.close()
        except OSError:
            return

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1], calls
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


SUFFIXES = sorted(AUDIO_SUFFIXES | PHOTO_SUFFIXES | VIDEO_SUFFIXES)


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_by_any_name_opens_nothing_else(
    footage: Footage, listener: tuple[int, list[bytes]], kind: str
) -> None:
    port, calls = listener
    canary = footage.video("canary.mp4", sound=0.5)
    for suffix in SUFFIXES:
        for target in (str(canary), f"file:{canary}", f"http://127.0.0.1:{port}/canary.mp4"):
            path = footage.folder / f"list{suffix}"
            path.write_text(PLAYLISTS[kind].format(target=target, port=port))
            with pytest.raises(MediaError, match="list"):
                open_face(path, Options())
            with pytest.raises(MediaError, match="list"):
                open_speech(path, Limits())
    assert calls == []


def test_a_movie_that_refers_to_another_file_does_not_reach_it(footage: Footage) -> None:
    canary = footage.video("canary.mp4", count=20)
    data = canary.read_bytes()
    # the data reference "this file" becomes "the file at this address"
    url = f"file://{canary}".encode() + b"\0"
    entry = b"url \0\0\0\0" + url
    own = b"\0\0\0\x0curl \0\0\0\1"
    assert own in data
    moved = data.replace(own, (len(entry) + 4).to_bytes(4, "big") + entry)
    path = footage.folder / "refers.mp4"
    path.write_bytes(moved.split(b"mdat")[0] + b"mdat" + b"moov" + moved.split(b"moov")[1])
    canary.unlink()
    with pytest.raises(MediaError, match=r"refers\.mp4"):
        list(open_face(path, Options()).frames())


def test_a_folder_or_a_link_to_nothing_is_a_media_error(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "nothing")
    for name in ("folder.mp4", "link.mp4"):
        with pytest.raises(MediaError, match=name):
            open_face(tmp_path / name, Options())
        with pytest.raises(MediaError, match=name):
            open_speech(tmp_path / name, Limits())


@pytest.mark.parametrize("name", ["pipe.mp4", "pipe.png", "pipe.wav"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(MediaError, match="no regular file"):
        open_speech(tmp_path / name, Limits()) if name.endswith("wav") else open_face(tmp_path / name, Options())


def test_a_decoder_that_nobody_needs_does_not_run(footage: Footage) -> None:
    path = footage.video("old.avi", codec="zmbv", layout="bgr0", size=(64, 48))
    with pytest.raises(MediaError, match=r"old\.avi"):
        open_face(path, Options())
