"""Makes daemon/sample: two spoken texts of our own, a public-domain portrait, and a moving clip made from it.

    python -m training.sample

The speech is synthesised (English by flite, Mandarin by espeak-ng), so the exact time of every phone is known; it is
written beside the audio (hello.phones.json) and the tests judge mouths by it. Same versions in, same bytes out.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from training.speech_voices import RATE, Spoken, espeak, flite

FOLDER = Path(__file__).parents[1] / "daemon" / "sample"
ENGLISH = "Drop a voice and a face. Maybe make some coffee. When you come back, the lips will move."
MANDARIN = (  # 你好，请把照片和声音放进文件夹，片子马上就来。
    "ni3 hao3, qing3 ba3 zhao4 pian4 he2 sheng1 yin1 fang4 jin4 wen2 jian4 jia1, pian1 zi5 ma3 shang4 jiu4 lai2"
)
SIDE, FPS, FRAMES = 512, 25, 110
FACE = (224.0, 116.0)  # the middle of the face in the portrait, pixels


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    english = flite(ENGLISH, "slt").padded(0.1, 0.1)
    mandarin = espeak(MANDARIN, "cmn-latn-pinyin+f2", speed=165).padded(0.3, 0.3)
    both = Spoken(
        np.concatenate([english.samples, mandarin.samples]),
        english.phones + mandarin.padded(len(english.samples) / RATE, 0).phones,
        "cmu, then ipa",
    )
    spoken = {"hello.en.flac": english, "hello.zh.flac": mandarin, "hello.flac": both}
    for name, speech in spoken.items():
        write_flac(FOLDER / name, speech.samples)
        print(name, round(len(speech.samples) / RATE, 2), "s", (FOLDER / name).stat().st_size)
    write_phones(FOLDER / "hello.phones.json", spoken)
    picture = astronaut()
    cv2.imwrite(str(FOLDER / "astronaut.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    write_clip(FOLDER / "astronaut.mp4", picture)
    print("astronaut.jpg", (FOLDER / "astronaut.jpg").stat().st_size)
    print("astronaut.mp4", (FOLDER / "astronaut.mp4").stat().st_size)


def write_flac(path: Path, samples: NDArray[np.float32]) -> None:
    data = np.round(samples * 32767).astype(np.int16)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("flac", rate=RATE, layout="mono")
        stream.codec_context.options = {"compression_level": "8"}
        for start in range(0, len(data), 4096):
            frame = av.AudioFrame.from_ndarray(data[None, start : start + 4096], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def write_phones(path: Path, spoken: dict[str, Spoken]) -> None:
    lines = []
    for name, speech in spoken.items():
        phones = [[round(p.start, 3), round(p.end, 3), p.name] for p in speech.phones]
        lines.append(f'"{name}": {json.dumps(phones, ensure_ascii=False)}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_clip(path: Path, picture: NDArray[np.uint8]) -> None:
    """The portrait, closer, swaying gently: the whole picture turns, leans and nears, so every pixel stays true."""
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as file:
        stream = file.add_stream("libx264", rate=FPS, options={"crf": "21", "preset": "slow", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.codec_context.thread_count = 1
        for i in range(FRAMES):
            moved = cv2.warpAffine(
                picture, pose(i / FPS), (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
            )
            file.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        file.mux(stream.encode(None))


def pose(seconds: float) -> NDArray[np.float64]:
    """(2, 3) picture -> clip at a time: a slow nod, sway and lean of a few degrees and percent."""

    def wave(period: float, phase: float) -> float:
        return float(np.sin(2 * np.pi * (seconds / period + phase)))

    angle = 2.2 * wave(4.4, 0.0) + 0.7 * wave(1.9, 0.3)
    zoom = 1.45 * (1 + 0.025 * wave(3.7, 0.2))
    matrix = cv2.getRotationMatrix2D(FACE, angle, zoom)
    matrix[:, 2] += np.array([SIDE * 0.5, SIDE * 0.295]) - FACE
    matrix[:, 2] += [9 * wave(3.1, 0.1), 4 * wave(2.3, 0.6)]
    return matrix


if __name__ == "__main__":
    main()
