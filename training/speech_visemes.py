"""Which viseme each phone of CMU's set and of the IPA looks like; a diphthong is two, one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync.hearing import SILENCE, VISEMES
from lipsync.speech import HZ
from training.speech_voices import Phone

_CMU = {
    "bilabial": "p b m", "labiodental": "f v", "dental": "th dh", "alveolar": "t d n l s z dx en el",
    "postalveolar": "sh zh ch jh", "velar": "k g ng hh", "r": "r", "w": "w", "uw": "uw uh", "ow": "ao",
    "aa": "aa ah", "ae": "ae", "eh": "eh ax", "ih": "ih", "iy": "iy y", "er": "er axr",
}  # fmt: skip
_GLIDES = {"ay": "aa ih", "aw": "aa uw", "ow": "ow uw", "oy": "ow ih", "ey": "eh iy", "em": "eh bilabial"}
_IPA = {
    "bilabial": "pbmʙɓβɸ", "labiodental": "fvɱʋ", "dental": "θð", "alveolar": "tdnlszɾrɲʎɗʈɖɳɭɬcɟç",
    "postalveolar": "ʃʒɕʑʂʐ", "velar": "kɡgŋxɣhqʔχʁħɦɫʀʕ", "r": "ɹɻɽ", "w": "wʍɥ", "uw": "uʊyʏʉ", "ow": "oɔœɒøɵɤ",
    "aa": "aɑɐʌ", "ae": "æ", "eh": "ɛeəɜɘ", "ih": "ɪɨɯ", "iy": "ij", "er": "ɚɝ",
}  # fmt: skip

CMU = {phone: (viseme,) for viseme, phones in _CMU.items() for phone in phones.split()}
CMU |= {phone: tuple(pair.split()) for phone, pair in _GLIDES.items()}
IPA = {letter: viseme for viseme, letters in _IPA.items() for letter in letters}


def visemes(name: str, alphabet: str) -> tuple[str, ...]:
    """What ``name`` looks like; silence for a pause and for anything unknown."""
    if alphabet == "cmu":
        return CMU.get(name, ("silence",))
    seen: list[str] = []
    for letter in name.replace("ts.", "ʂ").replace("s.", "ʂ").replace("z.", "ʐ"):  # espeak-ng's retroflexes
        viseme = IPA.get(letter)
        if viseme is None or (seen and seen[-1] == viseme):
            continue
        if viseme == "velar" and letter == "h" and seen:  # aspiration of the stop before it
            continue
        if viseme == "postalveolar" and seen and seen[-1] == "alveolar":  # an affricate
            seen[-1] = viseme
            continue
        seen.append(viseme)
    return tuple(seen) or ("silence",)


def label(phones: tuple[Phone, ...], alphabet: str, rows: int) -> NDArray[np.int64]:
    """(rows,) number of the viseme at each hundredth of a second; silence where no phone is."""
    out = np.full(rows, SILENCE)
    for phone in phones:
        parts = visemes(phone.name, alphabet)
        edges = np.linspace(phone.start, phone.end, len(parts) + 1)
        for part, start, end in zip(parts, edges, edges[1:], strict=False):
            out[round(start * HZ) : round(end * HZ)] = VISEMES.index(part)
    return out
