"""Files made to make FFmpeg read other files or the network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lipsync import Limits, Options
from lipsync.errors import MediaError
from lipsync.media import open_face, open_speech

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


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    "dash": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{target}</BaseURL></Period></MPD>',
    "smil": "[playlist]\nFile1={target}\n",
    "subtitle": "WEBVTT\n\n00:00.000 --> 00:01.000\n{target}\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
    "imf": "{target}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".png", ".mp3", ".m4a"])
def test_a_playlist_by_any_name_opens_nothing_else(
    footage: Footage, listener: tuple[int, list[bytes]], kind: str, suffix: str
) -> None:
    port, calls = listener
    canary = footage.video("canary.mp4", sound=0.5)
    for target in (str(canary), f"file:{canary}", f"http://127.0.0.1:{port}/canary.mp4"):
        path = footage.folder / f"list{suffix}"
        path.write_text(PLAYLISTS[kind].format(target=target, port=port))
        with pytest.raises(MediaError, match="list"):
            open_face(path, Options()) if suffix not in (".mp3", ".m4a") else open_speech(path, Limits())
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
