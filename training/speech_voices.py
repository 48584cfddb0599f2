"""Voices that say a text and tell when each phone sounds: flite and festival (English), espeak-ng (many languages).

All come from the distribution (``apt-get install flite espeak-ng festival festvox-kdlpc16k``) and are needed here and
in benchmarks only, never by the product.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE = 16000
PHONEME, PHONEME_EVENTS_IN_IPA, RETRIEVAL, UTF8 = 7, 1 | 2, 1, 1
SPEED, VOLUME, PITCH, PITCH_RANGE = 1, 2, 3, 4


@dataclass(frozen=True)
class Phone:
    """One sound: ``name`` is CMU's (flite) or IPA (espeak-ng), "" for a pause; seconds."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Spoken:
    """A voice's answer: float32 (n,) at 16 kHz with a peak of 0.5, and its phones in order without gaps."""

    samples: NDArray[np.float32]
    phones: tuple[Phone, ...]
    alphabet: str

    def padded(self, before: float, after: float) -> Spoken:
        """The same with digital silence around it."""
        samples = np.pad(self.samples, (round(before * RATE), round(after * RATE)))
        phones = tuple(Phone(p.start + before, p.end + before, p.name) for p in self.phones)
        return Spoken(samples, phones, self.alphabet)


def flite(text: str, voice: str = "slt", stretch: float = 1.0, pitch: float = 0.0) -> Spoken:
    """English by flite; ``voice`` is slt, rms, awb or kal16 (all 16 kHz); ``pitch`` in Hz, 0 for the voice's own."""
    options = ["--setf", f"duration_stretch={stretch:.3f}"]
    options += ["--setf", f"int_f0_target_mean={pitch:.1f}"] if pitch else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        command = ["flite", "-voice", voice, *options, "-psdur", "-t", text, "-o", str(path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    phones, start = [], 0.0
    for name, end in re.findall(r"(\w+):([\d.]+)", answer.stdout):
        phones.append(Phone(start, float(end), "" if name in ("pau", "sil", "ssil") else name))
        start = float(end)
    return Spoken(_at_rate(samples, rate), tuple(phones), "cmu")


def festival(text: str, voice: str = "ked_diphone", stretch: float = 1.0) -> Spoken:
    """English by festival, diphones of a real speaker; ``voice`` is ked_diphone or kal_diphone."""
    with tempfile.TemporaryDirectory() as folder:
        path, segments = Path(folder) / "spoken.wav", Path(folder) / "spoken.segs"
        orders = [
            f"(voice_{voice})",
            f"(Parameter.set 'Duration_Stretch {stretch:.3f})",
            f'(set! u (Utterance Text "{text}"))',
        ]
        orders += ["(utt.synth u)", f'(utt.save.wave u "{path}" \'riff)', f'(utt.save.segs u "{segments}")']
        subprocess.run(["festival", "--pipe"], input="\n".join(orders), text=True, capture_output=True, check=True)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
        lines = [line.split() for line in segments.read_text().splitlines() if line.count(" ") >= 2]
    phones, start = [], 0.0
    for end, _, name in lines:
        phones.append(Phone(start, float(end), "" if name == "pau" else name))
        start = float(end)
    return Spoken(_at_rate(samples, rate), tuple(phones), "cmu")


def espeak(text: str, voice: str = "en-us", speed: int = 165, pitch: int = 50, melody: int = 50) -> Spoken:
    """Any language of espeak-ng; Mandarin is ``cmn-latn-pinyin`` with tone numbers; voices may end in "+f3"."""
    engine = _Espeak.get()
    samples, events = engine.say(text, voice, {SPEED: speed, VOLUME: 100, PITCH: pitch, PITCH_RANGE: melody})
    times = [at / engine.rate for at, _ in events] + [len(samples) / engine.rate]
    named = zip(times, times[1:], (name for _, name in events), strict=False)
    phones = tuple(Phone(start, end, name) for start, end, name in named if end > start)
    return Spoken(_at_rate(samples, engine.rate), _without_gaps(phones), "ipa")


def _without_gaps(phones: tuple[Phone, ...]) -> tuple[Phone, ...]:
    """Give every pause under 90 ms to the phone after it: it is the closure of a stop, not the end of speaking."""
    kept: list[Phone] = []
    for phone in phones:
        before = kept[-1] if kept else None
        if before is not None and not before.name and phone.name and before.end - before.start < 0.09:
            kept[-1] = Phone(before.start, phone.end, phone.name)
        elif before is not None and not before.name and not phone.name:
            kept[-1] = Phone(before.start, phone.end, "")
        else:
            kept.append(phone)
    return tuple(kept)


def _at_rate(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    step = gcd(rate, RATE)
    moved = resample_poly(samples, RATE // step, rate // step) if rate != RATE else samples
    return (moved * (0.5 / max(1.0, float(np.abs(moved).max(initial=0))))).astype(np.float32)


class _Identity(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Identity),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """libespeak-ng, once per process: the program's own ``--pho`` needs MBROLA voices, the library's events do not."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = int(self._library.espeak_Initialize(RETRIEVAL, 0, None, PHONEME_EVENTS_IN_IPA))
        self._parts: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _Callback(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    @staticmethod
    @cache
    def get() -> _Espeak:
        return _Espeak()

    def say(self, text: str, voice: str, settings: dict[int, int]) -> tuple[NDArray[np.float32], list[tuple[int, str]]]:
        self._parts, self._events = [], []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        for key, value in settings.items():
            self._library.espeak_SetParameter(key, value, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        events = [(at, name) for at, name in self._events if not name.startswith("(")]
        return np.concatenate([*self._parts, np.zeros(0, np.int16)]).astype(np.float32), events

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if samples and count:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == PHONEME:
                self._events.append((events[i].sample, bytes(events[i].id.string).decode("utf-8", "ignore")))
            i += 1
        return 0
