"""Files that try to make FFmpeg open something else: playlists, scripts, and films that refer to other files."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "m3u8 master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
    "m3u8 key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n',
    "m3u8 map": '#EXTM3U\n#EXT-X-MAP:URI="{target}"\n#EXTINF:1,\nconcat:{target}|{target}\n#EXT-X-ENDLIST\n',
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "concat": "file '{target}'\nfile '{target}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    "<Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Path>{target}'
    "</Path></CompositionPlaylist>",
    "svg": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{target}">]><svg xmlns="http://www.w3.org/2000/svg" '
    'width="64" height="64"><image href="{target}" width="64" height="64"/><text>&x;</text></svg>',
    "srt": "1\n00:00:00,000 --> 00:00:09,000\n{{\\include {target}}} <img src='{target}'/>\n",
    "webvtt": "WEBVTT\n\nSTYLE\n@import url({target});\n\n00:00.000 --> 00:09.000\nx\n",
    "ass": "[Script Info]\nScriptType: v4.00+\nAudio File: {target}\nVideo File: {target}\n[Events]\n",
    "pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "ram": "{target}\n",
    "rtsp": "RTSPtext\n{target}\n",
    "avs": 'import("{target}")\nDirectShowSource("{target}")\n',
    "vapoursynth": "import urllib.request\nurllib.request.urlopen('{target}')\nopen('{target}')\n",
    "ffmetadata": ";FFMETADATA1\ntitle={target}\n",
    "mpsub": "FORMAT=TIME\nFILE={target}\n",
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\n",
}
"""Kind → text, with the target and a port to be filled in."""


def film(form: str = "mp4", codec: str = "libx264") -> bytes:
    """A tiny film."""
    store = io.BytesIO()
    with av.open(store, "w", format=form) as container:
        stream = container.add_stream(codec, 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * number, np.uint8), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    return store.getvalue()


def referring(target: str, kind: bytes) -> bytes:
    """A film whose pictures lie in another file: a data reference "url " or (of old Macintoshes) "alis"."""
    own, data = b"\0\0\0\x0curl \0\0\0\1", film()
    if kind == b"url ":
        body = b"\0\0\0\0" + target.encode() + b"\0"
    else:
        folder, _, name = target.rpartition("/")
        path = target.encode()
        body = b"\0\0\0\0" + bytes(4) + struct.pack(">HHH", 150, 2, 0) + b"\x04disk".ljust(28, b"\0") + bytes(12)
        body += bytes([len(name)]) + name.encode()[:63].ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1)
        body += bytes(16) + struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
        body += struct.pack(">HH", 18, len(folder)) + folder.encode() + b"\0" * (len(folder) % 2) + b"\xff\xff\0\0"
    moved = data.replace(own, struct.pack(">I", len(body) + 8) + kind + body)
    grown = len(moved) - len(data)
    for atom in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = moved.index(atom) - 4
        moved = moved[:at] + struct.pack(">I", struct.unpack_from(">I", moved, at)[0] + grown) + moved[at + 4 :]
    return moved


def reference_movie(target: str) -> bytes:
    """A QuickTime file that is nothing but the address of another one."""
    address = target.encode() + b"\0"
    rdrf = struct.pack(">I", 20 + len(address)) + b"rdrf\0\0\0\0url " + struct.pack(">I", len(address)) + address
    rmda = struct.pack(">I", 8 + len(rdrf)) + b"rmda" + rdrf
    rmra = struct.pack(">I", 8 + len(rmda)) + b"rmra" + rmda
    moov = struct.pack(">I", 8 + len(rmra)) + b"moov" + rmra
    return b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + moov


def with_subtitles(text: bytes) -> bytes:
    """An AVI with a playlist for a subtitle (GAB2), which FFmpeg opens with whatever reads it."""
    data = film("avi", "mpeg4")
    gab = b"GAB2\0\x02\0" + struct.pack("<I", 2) + b"x\0" + b"\x04\0" + struct.pack("<I", len(text)) + text
    piece = b"01tx" + struct.pack("<I", len(gab)) + gab + b"\0" * (len(gab) % 2)
    head = b"txts" + bytes(44)
    strf = b"strf" + struct.pack("<I", 0)
    strl = b"strl" + b"strh" + struct.pack("<I", len(head)) + head + strf
    strl = b"LIST" + struct.pack("<I", len(strl)) + strl
    at = data.index(b"hdrl") - 4
    size = struct.unpack_from("<I", data, at)[0]
    data = data[:at] + struct.pack("<I", size + len(strl)) + data[at + 4 : at + 4 + size] + strl + data[at + 4 + size :]
    at = data.index(b"movi") - 4
    size = struct.unpack_from("<I", data, at)[0]
    return data[:at] + struct.pack("<I", size + len(piece)) + b"movi" + piece + data[at + 8 :]


def attached(target: str) -> bytes:
    """A Matroska film with an attachment and chapters that name other files."""
    data = film("matroska")
    name = target.encode()
    return (
        data.replace(b"Lavf", name[:4]) + b"\x19\x41\xa4\x67" + bytes([0x80 | (len(name) + 3)]) + b"\x61\xa7\x80" + name
    )


def films(target: str) -> Iterator[tuple[str, bytes]]:
    """Yield files of accepted kinds that refer to a target, with their suffixes."""
    yield ".mov", referring(target, b"url ")
    yield ".mp4", referring(target, b"alis")
    yield ".m4a", reference_movie(target)
    yield ".mov", reference_movie(target)
    yield ".mkv", attached(target)
    playlist = PLAYLISTS["m3u8"].format(target=target, port=0).encode()
    yield ".avi", with_subtitles(playlist)
    yield ".avi", with_subtitles(PLAYLISTS["ffconcat"].format(target=target, port=0).encode())
    yield ".mp3", b"ID3\x04\0\0\0\0\0\0" + playlist
    yield ".mkv", b"\x1aE\xdf\xa3" + playlist
    yield ".wav", b"RIFF\xff\0\0\0WAVE" + playlist
    yield ".ogg", b"OggS" + playlist
    yield ".png", b"\x89PNG\r\n\x1a\n" + playlist


def every_lure(targets: tuple[str, ...], port: int) -> Iterator[tuple[str, bytes]]:
    """Yield all of them, with names without suffix-dependent meaning where any suffix will do ("")."""
    for target in targets:
        for text in PLAYLISTS.values():
            yield "", text.format(target=target, port=port).encode()
        yield from films(target)


def planted(folder: Path, suffixes: tuple[str, ...], targets: tuple[str, ...], port: int) -> list[str]:
    """Write lures into a folder and give their names; suffixes take turns, so that every kind has several of them."""
    names: list[str] = []
    for number, (suffix, data) in enumerate(every_lure(targets, port)):
        names.append(f"lure{number:03}{suffix or suffixes[number % len(suffixes)]}")
        (folder / names[-1]).write_bytes(data)
    return names
