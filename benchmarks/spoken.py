"""Synthetic speech with exact phone times, English and Mandarin: do lips close for p, b, m, how wide is each vowel?

Sentences of our own that no training used. The voices of flite and espeak-ng were heard in training; festival's "ked",
a real American's diphones, was not.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from lipsync.articulation import OPEN, WIDTH, Articulation, Motion
from training.speech_visemes import visemes
from training.speech_voices import Phone, Spoken, espeak, festival, flite

ENGLISH = (
    "Papa bought a purple bathrobe before the summer began.",
    "Mum, Bob and Pam move my big blue boat tomorrow.",
    "The farmer's dog saw her bird laugh at a cool moon.",
    "We all know who should be home by half past four.",
    "She keeps three sheep, two cows and a black hen in the barn.",
    "Open your mouth wide, please, and say: far, fur, fee, foo, more.",
)
MANDARIN = (
    "ba4 ba5 mai3 le5 mian4 bao1, ma1 ma5 pao4 le5 yi4 bei1 cha2",
    "ming2 tian1 wo3 men5 qu4 pa2 shan1, bu2 pa4 lu4 yuan3",
    "pu3 tong1 hua4 shuo1 de5 hen3 biao1 zhun3",
    "bei3 fang1 de5 peng2 you3 mei2 you3 piao4",
    "mei4 mei5 he2 di4 di5 bang1 nai3 nai5 ban1 pan2 zi5",
    "ta1 fei1 chang2 xi3 huan5 bai2 se4 de5 mao1",
)
LEAST = 0.06
"""Seconds a vowel must last to be looked at: shorter ones nobody opens the mouth for."""
VOWELS = {
    "a (father, trap)": {"aa", "ae"},
    "e (dress, letter)": {"eh", "er"},
    "i (fleece, kit)": {"iy", "ih"},
    "o (thought, go)": {"ow"},
    "u (goose, foot)": {"uw"},
}


@dataclass(frozen=True)
class Voice:
    """Who says which sentences, and how."""

    name: str
    texts: tuple[str, ...]
    say: Callable[[str], Spoken]


def voices() -> list[Voice]:
    """Those whose programs are installed."""
    out = []
    if shutil.which("flite"):
        out += [Voice(f"English, flite {name}", ENGLISH, partial(flite, voice=name)) for name in ("slt", "rms")]
    if shutil.which("festival"):
        out.append(Voice("English, festival ked (never heard)", ENGLISH, festival))
    if shutil.which("espeak-ng"):
        out.append(Voice("Mandarin, espeak-ng", MANDARIN, partial(espeak, voice="cmn-latn-pinyin")))
        out.append(Voice("Mandarin, espeak-ng f4", MANDARIN, partial(espeak, voice="cmn-latn-pinyin+f4")))
    return out


def judged(articulation: Articulation, voice: Voice) -> list[str]:
    """A row: closures seen of those wanted, then "opening / width" of each class of vowels.

    The opening of a vowel is its widest, in shares of the voice's wide opening (the 90th centile while it speaks); the
    width is in % IOD against the mouth at rest, in the vowel's middle half.
    """
    closed = wanted = 0
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in VOWELS}
    for text in voice.texts:
        spoken = voice.say(text).padded(0.3, 0.3)
        motion = articulation(spoken.samples)
        loud = float(np.percentile(motion.values[motion.voiced > 0.9, OPEN], 90))
        for phone in spoken.phones:
            looks = visemes(phone.name, spoken.alphabet)
            if looks == ("bilabial",):
                wanted += 1
                closed += bool(motion.values[_rows(phone, 0.02), OPEN].min() < 0.15 * loud)
            for name, members in VOWELS.items():
                if looks[0] in members and len(set(looks)) == 1 and phone.end - phone.start > LEAST:
                    seen[name].append(_vowel(motion, phone, loud))
    cells = [np.mean(values, axis=0) if values else (np.nan, np.nan) for values in seen.values()]
    return [voice.name, f"{closed} of {wanted}", *(f"{opening:.2f} / {width:+.1f}" for opening, width in cells)]


def _vowel(motion: Motion, phone: Phone, loud: float) -> tuple[float, float]:
    quarter = (phone.end - phone.start) / 4
    width = motion.values[_rows(phone, -quarter), WIDTH].mean() * 100
    return float(motion.values[_rows(phone, 0), OPEN].max() / loud), float(width)


def _rows(phone: Phone, margin: float) -> slice:
    first = max(0, round((phone.start - margin) * 100))
    return slice(first, max(first + 1, round((phone.end + margin) * 100)))


def rows(articulation: Articulation) -> list[list[str]]:
    """The table's rows, one for each voice."""
    return [judged(articulation, voice) for voice in voices()]


HEAD = ["opening (of the wide one) / width, % IOD", "p b m closed", *VOWELS]
