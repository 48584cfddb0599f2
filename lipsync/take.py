"""The question (whose face, what speech), how to answer it, and the answer.

Knows no tensors: this module is imported by everything and imports nothing heavy.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

AUDIO_SUFFIXES = frozenset({".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac"})
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})

STYLES = ("corner", "opening")
PRESETS = {"": "Made with AI", "eu": "AI MODIFIED", "cn": "AI生成"}
"""The texts of the visible label.

The EU's code of practice on marking and labelling (10 June 2026) has "AI MODIFIED" for what people have made and AI has
altered, and wants the capitals "AI" to lead. GB 45438-2025 wants both elements named: AI, and 生成 or 合成.
"""


@dataclass(frozen=True)
class Take:
    """One face, one speech.

    Attributes:
        face: A photo or a video (by suffix: ``PHOTO_SUFFIXES``, ``VIDEO_SUFFIXES``).
        speech: The audio that the face shall speak.
        pick: Which face where there are several: "largest", "left", "right" (as seen in the
            picture), or a number counting from the left, from 0. Not heeded where ``who`` is given.
        who: A photo of the person whose mouth shall speak; nobody else's is touched.
    """

    face: Path
    speech: Path
    pick: str | int = "largest"
    who: Path | None = None


@dataclass(frozen=True)
class Limits:
    """What is refused before it can hurt. 0 switches a limit off.

    Attributes:
        audio_s: Longest speech in seconds.
        pixels: Most pixels in one picture, before it is decoded.
        file_bytes: Largest input file.
    """

    audio_s: float = 1800.0
    pixels: int = 50_000_000
    file_bytes: int = 4 * 1024**3


@dataclass(frozen=True)
class Marks:
    """How a video says that a machine made it move: to people, and to machines.

    Attributes:
        visible: A text is drawn into the picture.
        style: "corner" (a small plate, all the time) or "opening" (a card for the first seconds).
        preset: "" or "eu" (AI Act, article 50) or "cn" (GB 45438-2025): chooses the text.
        text: Another text, in any language; "" for that of the preset.
        font: A TTF, OTF or TTC file for it; "" for the built-in letters, or a font found on the machine.
        metadata: The file carries the implicit label (AIGC) and the IPTC source type.
        producer: Who answers for the video, as its metadata names it; "" for "lipsyncd".
    """

    visible: bool = False
    style: str = "corner"
    preset: str = ""
    text: str = ""
    font: str = ""
    metadata: bool = True
    producer: str = ""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style is {self.style!r}; it must be one of {', '.join(STYLES)}")
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset is {self.preset!r}; it must be empty or one of {', '.join(filter(None, PRESETS))}"
            )
        for name, value, most in (("text", self.text, 120), ("producer", self.producer, 200)):
            if len(value) > most or not value.isprintable():
                raise ValueError(f"{name} must be one line of at most {most} characters")

    @property
    def words(self) -> str:
        """What is drawn."""
        return unicodedata.normalize("NFC", " ".join(self.text.split())) or PRESETS[self.preset]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of what programs read in the file: the label of GB 45438-2025, and the IPTC's digital source type."""
        return ("AIGC", "IPTC") if self.metadata else ()


@dataclass(frozen=True)
class Program:
    """An external program that renders, for the engine "command".

    Attributes:
        argv: The program and its arguments, with "{face}", "{audio}" and "{output}" where the paths go. No shell.
        timeout_s: Seconds it may take for one take; 0 for any.
    """

    argv: tuple[str, ...] = ()
    timeout_s: float = 3600.0


@dataclass(frozen=True)
class Options:
    """How to answer.

    Attributes:
        engine: An entry point of ``lipsyncd.engines``: "reshape", "null", …
        tracker: An entry point of ``lipsyncd.trackers``, or "auto".
        device: "auto", "cpu" or "cuda".
        fps: Frames per second of a video made from a photo.
        width: Widest output in pixels; larger input is scaled down, never up. 0: no cap.
        height: Likewise.
        quality: Constant rate factor of the encoder, 0–51; lower is better and larger.
        encoder: "auto", "libx264" or "h264_nvenc".
        limits: What is refused.
        marks: How the video says that it was made by a machine.
        weights: The folder of the weights that the user has brought; None where there is none.
        checkpoint: Which of them the engine "wav2lip" takes, by name, or a path; "" for the only one that it can use.
        program: What the engine "command" runs.
        preview: A small picture of the frame being written lies beside the video while it is made.
    """

    engine: str = "reshape"
    tracker: str = "auto"
    device: str = "auto"
    fps: Fraction = Fraction(25)
    width: int = 1920
    height: int = 1920
    quality: int = 18
    encoder: str = "auto"
    limits: Limits = field(default_factory=Limits)
    marks: Marks = field(default_factory=Marks)
    weights: Path | None = None
    checkpoint: str = ""
    program: Program = field(default_factory=Program)
    preview: bool = False

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"device is {self.device!r}; it must be auto, cpu or cuda")
        if not 1 <= self.fps <= 120:
            raise ValueError(f"fps is {self.fps}; it must be from 1 to 120")
        if not 0 <= self.quality <= 51:
            raise ValueError(f"quality is {self.quality}; it must be from 0 to 51")


@dataclass(frozen=True)
class Weights:
    """Which weights took part: enough to find them again and to know what they may be used for."""

    name: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class EngineFacts:
    """Who answered."""

    name: str
    version: str
    weights: tuple[Weights, ...] = ()


@dataclass(frozen=True)
class Render:
    """The answer: a finished video and facts about it.

    Attributes:
        video: H.264 yuv420p + AAC in mp4, faststart.
        duration: Seconds of the video stream.
        fps: Average frame rate, exact where the source had a constant one.
        frames: Frames in the video.
        driven: Frames in which the mouth was driven; the others passed through untouched.
        poster_at: Seconds at which the mouth is well open: a good poster.
        warnings: Plain sentences a person should read, e.g. "the face is small (31 px between the eyes)".
        label_at: Where the visible label was drawn, as "top right"; "" where none was.
        marks: How video and poster say now that a machine made them; the studio fills it in.
    """

    video: Path
    duration: float
    width: int
    height: int
    fps: Fraction
    frames: int
    driven: int
    poster_at: float
    engine: EngineFacts
    warnings: tuple[str, ...] = ()
    label_at: str = ""
    marks: Marks = Marks(metadata=False)

    @property
    def coverage(self) -> float:
        """Share of the frames in which the mouth was driven, 0–1."""
        return self.driven / self.frames if self.frames else 0.0


@dataclass(frozen=True)
class Progress:
    """How far a take is. ``stage`` is "look" (first pass) or "draw" (second pass)."""

    stage: str
    frame: int
    frames: int

    @property
    def share(self) -> float:
        """0–1 over the whole take; the first pass counts a third."""
        part = min(1.0, self.frame / self.frames) if self.frames else 0.0
        return part / 3 if self.stage == "look" else 1 / 3 + part * 2 / 3


Report = Callable[[Progress], None]


@runtime_checkable
class Engine(Protocol):
    """Turns a take into a video. One instance stays warm and renders many takes, one at a time."""

    @property
    def facts(self) -> EngineFacts:
        """Name, version and weights of this engine."""
        ...

    def render(self, take: Take, video: Path, report: Report) -> Render:
        """Write ``video`` (the caller has chosen a private name) and say what it is.

        Raises:
            LipsyncError: The take cannot be rendered; ``video`` may hold a torn file then.
        """
        ...
