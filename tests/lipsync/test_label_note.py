"""The implicit label: read back by others and by ourselves, always the same bytes, and the media stay as they were."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

import lipsync
from lipsync import Marks, MediaError, Options, Take, label_jpeg, label_mp4, marks_of
from lipsync.label_note import SOURCE_TYPE, Note, fields_of, packet_of
from lipsync.media import probe_video

if TYPE_CHECKING:
    from conftest import Footage

FIELDS = ["Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2"]
"""Of GB 45438-2025, annex E, in its order."""
ODD = 'Ünited 李 & <Sons> "½" 😀'


def rendered(footage: Footage, name: str = "o", **marks: object) -> tuple[Path, Path]:
    face, speech = footage.folder / "face.mp4", footage.folder / "speech.wav"
    if not face.exists():
        footage.video("face.mp4", count=12)
        footage.audio(seconds=0.7)
    studio = lipsync.load(Options(engine="null", device="cpu", marks=Marks(**marks)))
    video, poster = footage.folder / f"{name}.mp4", footage.folder / f"{name}.jpg"
    studio.render(Take(face, speech), video, poster, lambda _: None)
    return video, poster


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, data[place + 8 : place + size]
        place += size
    assert place == len(data)


def test_ffmpeg_reads_the_key(footage: Footage) -> None:
    video, _ = rendered(footage, producer=ODD)
    with av.open(str(video)) as container:
        said = json.loads(container.metadata["AIGC"])
    assert list(said) == FIELDS
    assert said["Label"] == "1"
    assert said["ContentProducer"] == ODD
    assert re.fullmatch("[0-9a-f]{64}", said["ProduceID"])
    assert not said["ContentPropagator"]


def test_we_read_it_too(footage: Footage) -> None:
    video, poster = rendered(footage, producer=ODD)
    film, still = marks_of(video), marks_of(poster)
    assert film.labelled
    assert film.fits is True
    assert film.source_type == still.source_type == SOURCE_TYPE
    assert film.aigc == still.aigc
    assert film.aigc["ContentProducer"] == ODD
    assert still.fits is None


def test_pillow_reads_the_packet_of_the_poster(footage: Footage) -> None:
    _, poster = rendered(footage)
    with Image.open(poster) as picture:
        picture.load()
        packet = picture.info["xmp"]
    assert packet_of(packet).aigc["ContentProducer"] == "lipsyncd"


def test_the_film_starts_at_once_and_lasts_as_long(footage: Footage) -> None:
    plain, _ = rendered(footage, "plain", metadata=False)
    noted, _ = rendered(footage, "noted")
    kinds = [kind for kind, _ in boxes(noted.read_bytes())]
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    assert kinds[0] == b"ftyp"
    assert kinds[-1] == b"uuid"
    assert probe_video(noted) == probe_video(plain)


def test_every_picture_and_sound_is_the_same_with_and_without(footage: Footage) -> None:
    plain, _ = rendered(footage, "plain", metadata=False)
    noted, _ = rendered(footage, "noted")
    packets = []
    for path in (plain, noted):
        with av.open(str(path)) as container:
            packets.append([(one.stream.index, one.pts, one.duration, bytes(one)) for one in container.demux()])
    assert packets[0] == packets[1]
    assert len(packets[0]) > 20


def test_without_metadata_nothing_is_said(footage: Footage) -> None:
    video, poster = rendered(footage, metadata=False)
    for path in (video, poster):
        assert not marks_of(path).labelled
        assert marks_of(path).fits is None
        assert b"AIGC" not in path.read_bytes()


def test_the_same_take_gives_the_same_bytes(footage: Footage) -> None:
    one, two = rendered(footage, "one", producer="A"), rendered(footage, "two", producer="A")
    other = rendered(footage, "other", producer="B")
    for mine, same, different in zip(one, two, other, strict=True):
        assert mine.read_bytes() == same.read_bytes()
        assert mine.read_bytes() != different.read_bytes()


def test_the_number_tells_another_film(footage: Footage) -> None:
    video, _ = rendered(footage)
    seen = marks_of(video)
    data = bytearray(video.read_bytes())
    place = data.index(b"mdat") + 400
    data[place] ^= 1
    video.write_bytes(data)
    assert marks_of(video).fits is False
    assert replace(marks_of(video), number=seen.number) == seen


@pytest.mark.parametrize("flags", ["", "+faststart", "+faststart+use_metadata_tags", "+frag_keyframe+empty_moov"])
def test_films_of_other_writers(footage: Footage, tmp_path: Path, flags: str) -> None:
    source, target = footage.video("plain.mp4", count=30, sound=1.0), tmp_path / "noted.mp4"
    other = tmp_path / "other.mp4"
    with (
        av.open(str(source)) as read,
        av.open(str(other), "w", format="mp4", container_options={"movflags": flags} if flags else {}) as out,
    ):
        out.metadata["AIGC" if "tags" in flags else "title"] = '{"Label":"3"}'
        streams = {stream.index: out.add_stream_from_template(stream) for stream in read.streams}
        for packet in read.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    label_mp4.stamped(other, target, "someone")
    assert marks_of(target).aigc["Label"] == "1"
    assert marks_of(target).fits
    assert probe_video(target) == probe_video(other)
    again = tmp_path / "again.mp4"
    label_mp4.stamped(target, again, "someone")
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("big", [False, True])
def test_offsets_follow_the_media(big: bool, tmp_path: Path) -> None:
    form, kind = ("Q", b"co64") if big else ("I", b"stco")
    box = label_mp4._box
    media = bytes(range(256)) * 4

    def moov(first: int) -> bytes:
        table = box(kind, struct.pack(f">II2{form}", 0, 2, first, first + 100))
        return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))

    head = box(b"ftyp", b"isom0000")
    first = len(head) + len(moov(0)) + 16
    wide = struct.pack(">I4sQ", 1, b"mdat", 16 + len(media))
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    source.write_bytes(head + moov(first) + wide + media)
    label_mp4.stamped(source, target, "x")
    data = target.read_bytes()
    table = data.index(kind) + 12
    for number, offset in enumerate(struct.unpack_from(f">2{form}", data, table)):
        assert data[offset : offset + 50] == media[100 * number : 100 * number + 50]


@pytest.mark.parametrize("content", [b"", b"not a film at all", struct.pack(">I4s", 12, b"free") + b"abcd"])
def test_files_that_are_no_films(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"odd\.mp4"):
        marks_of(path)
    with pytest.raises(MediaError, match=r"odd\.mp4"):
        label_mp4.stamped(path, tmp_path / "out.mp4", "x")
    with pytest.raises(MediaError, match=r"gone\.mp4 cannot be read"):
        marks_of(tmp_path / "gone.mp4")


def test_torn_and_spoilt_films_are_read_without_harm(footage: Footage, tmp_path: Path) -> None:
    data = rendered(footage)[0].read_bytes()
    path = tmp_path / "torn.mp4"
    for length in range(8, len(data), 97):
        path.write_bytes(data[:length])
        marks_of(path)
    end = data.index(b"mdat")
    for place in range(4, end, 5):
        path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
        try:
            marks_of(path)
        except MediaError:
            assert place < 40


def test_a_packet_that_was_there_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (32, 24), (200, 30, 30)).save(path, exif=Image.Exif(), xmp=Note("0" * 64, "old").xmp())
    before = path.read_bytes()
    label_jpeg.stamp(path, Note("1" * 64, "new"))
    assert marks_of(path).aigc["ContentProducer"] == "new"
    assert path.read_bytes().count(label_jpeg.NAME) == 1
    assert path.read_bytes()[-100:] == before[-100:]
    with Image.open(path) as picture:
        assert picture.convert("RGB").getpixel((5, 5))[0] > 180


def test_wordings_of_others() -> None:
    wrapped = '{"AIGC": {"Label": "2", "ContentProducer": "x"}}'
    assert fields_of(wrapped)["Label"] == "2"
    assert fields_of("[1]") == fields_of("no") == fields_of('{"AIGC": 3}') == {}
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"'
        ' TC260:AIGC="{&quot;Label&quot;:&quot;1&quot;}"/></rdf:RDF></x:xmpmeta>'
    )
    assert packet_of(packet.encode()).labelled
    entity = packet.replace("<x:", '<!DOCTYPE a [<!ENTITY b "c">]><x:', 1).replace("</rdf:RDF>", "<!-- --></rdf:RDF>")
    assert not packet_of(entity.encode()).labelled
    assert not packet_of(b"<x:xmpmeta><broken</x:xmpmeta>").labelled
    assert not packet_of(b"\xff\xfe\x00").labelled


def test_copying_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    box = label_mp4._box
    with source.open("wb") as file:
        file.write(box(b"ftyp", b"isom0000") + box(b"moov", b""))
        file.write(struct.pack(">I4s", 8 + (64 << 20), b"mdat"))
        file.truncate(file.tell() + (64 << 20))
    tracemalloc.start()
    label_mp4.stamped(source, target, "x")
    assert marks_of(target).fits
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 << 20
