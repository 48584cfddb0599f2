"""Speech without end whose phones are known to the millisecond: made-up sentences said by synthetic voices.

    python -m training.speech_corpus [COUNT]

Writes .cache/speech.npz. The sentences are drawn from the frozen word lists below and from syllables, so nothing but
the voices decides what comes out.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from lipsync.speech import rows
from training.speech_visemes import label
from training.speech_voices import Spoken, espeak, flite

PATH = Path(__file__).parents[1] / ".cache" / "speech.npz"
SEED = 20

_TEXT = """
a about above across after again all almost also always among and animal another any apple are arm around at away
baby back bad bag ball bath be beach bear beautiful because bed before begin behind believe bell below best better
between big bird black blue boat body book both bottom box boy branch bread break breakfast bridge bright bring brother
brown build but butter buy by cake call camera camp can captain car care carry cat catch chair change cheap check
cheese child choose church city class clean clear climb clock close cloud coffee cold come company computer cook corner
could country cover cross cup dance dark daughter day dear deep different dinner do dog door down dream drink drive
drop dry during each early earth east easy eat eight empty end enough evening every example eye face fact fall family
famous far farm fast father favourite feel few field film final find finger fire first fish five floor flower fly follow
food foot for forget form forward four free fresh friend from front full funny game garden gentle get girl give glass
go gold good great green ground group grow guess hair half hand happen happy hard have he head hear heart heavy help
her here high hill him holiday home hope horse hospital hot hour house how hundred idea if important in inside into
island it job join jump just keep key kind kitchen know lady lake lamp land language large last late laugh learn leave
left letter library life light like line lip list listen little live long look lose lot love low lunch machine make man
many map march market may maybe me mean meat meet member memory middle might milk million mind minute mirror moment
money month moon more morning most mother mountain mouse mouth move much museum music must my name narrow near never
new next nice night nine no noise north nose not nothing now number ocean of off office often oil old on once one only
open or orange order other our out outside over own page paint pair paper parent park part party pass past path pay
peace pencil people pepper perhaps person phone photo piano picture piece pilot place plan plant plate play please
pocket point police poor possible post potato power present pretty price print problem public pull push put question
quick quiet quite rain reach read ready real reason red remember rest return rice rich ride right ring river road rock
roof room round rule run sad safe same sand say school science sea season second see sell send seven shall shape share
she sheep ship shirt shoe shop short should shoulder show side sign simple since sing sister sit six sky sleep slow
small smell smile smooth snow so soap some something song soon sound soup south space speak special spell spend spoon
sport spring square stamp stand star start station stay step still stone stop story street strong student such sugar
summer sun supper sure surprise swim table take talk tall tea teach team tell temple ten than thank that the their them
then there these they thick thin thing think third this those thought three through throw time to today together
tomorrow too top touch towards town train travel tree trip trouble true try turn twelve two umbrella under until up us
use usual valley value very village visit voice wait walk wall want warm wash watch water wave way we wear weather week
welcome well west what wheel when where which while white who whole why wide wife will win wind window winter wish with
woman wonder wood word work world would write wrong year yellow yes yesterday yet you young your zero
"""
WORDS = _TEXT.split()
LIPS = [word for word in WORDS if set(word) & set("pbm")]
INITIALS = [*"bpmfdtnlgkhjqxrzcsyw", "zh", "ch", "sh", "", *"bpm"]
_RHYMES = "a o e i u ai ei ao ou an en ang eng ong ia ie iao iu ian in iang ing ua uo uai ui uan un uang"
FINALS = _RHYMES.split()
CONSONANTS, VOWELS = [*"pbmtdkgfvslrnmbp"], [*"aeiouao"]
ENGLISH = ["en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc"]
OTHERS = ["es", "it", "de", "fr", "pt-br", "pl", "tr", "id", "nl", "hi", "sw", "ja", "ko", "ru"]
_SHADES = "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt2 klatt3 klatt4 Alicia Andrea Annie Diogo Gene Lee Mario Michael"
_SHADES += " adam anika belinda benjamin boris caleb david ed edward2 grandma iven john linda max pablo rob steph zac"
SHADES = ["", *(f"+{name}" for name in _SHADES.split())]
PITCHES = {"slt": 180.0, "rms": 105.0, "awb": 130.0, "kal16": 105.0}


class Teller:
    """Makes up sentences and has them said."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def tell(self, number: int) -> Spoken:
        """The ``number``-th utterance: nine of twenty by flite, six English, three Mandarin, two other by espeak-ng."""
        turn = number % 20
        if turn < 9:
            voice = self._dice.choice([*PITCHES, "slt", "rms", "awb"])
            pitch = PITCHES[voice] * self._dice.uniform(0.8, 1.25)
            spoken = flite(self._english(), voice, self._dice.uniform(0.8, 1.3), pitch)
        elif turn < 15:
            spoken = self._espeak(self._english(), self._dice.choice(ENGLISH))
        elif turn < 18:
            spoken = self._espeak(self._mandarin(), "cmn-latn-pinyin")
        else:
            spoken = self._espeak(self._syllables(), self._dice.choice(OTHERS))
        return spoken.padded(self._dice.uniform(0.1, 0.9), self._dice.uniform(0.1, 0.9))

    def _espeak(self, text: str, voice: str) -> Spoken:
        dice = self._dice
        shade = dice.choice(SHADES)
        return espeak(text, voice + shade, dice.randint(125, 215), dice.randint(15, 85), dice.randint(25, 80))

    def _english(self) -> str:
        words = [
            self._dice.choice(LIPS if self._dice.random() < 0.3 else WORDS) for _ in range(self._dice.randint(4, 11))
        ]
        commas = [word + "," if self._dice.random() < 0.08 else word for word in words]
        return " ".join(commas) + self._dice.choice("..?")

    def _mandarin(self) -> str:
        dice = self._dice
        said = [
            dice.choice(INITIALS) + dice.choice(FINALS) + str(dice.randint(1, 4)) for _ in range(dice.randint(5, 12))
        ]
        return " ".join(word + "," if dice.random() < 0.08 else word for word in said)

    def _syllables(self) -> str:
        dice = self._dice
        words = [
            "".join(dice.choice(CONSONANTS) + dice.choice(VOWELS) for _ in range(dice.randint(1, 4)))
            for _ in range(dice.randint(4, 8))
        ]
        return " ".join(words)


def main(count: int) -> None:
    teller, sounds, labels, names = Teller(SEED), [], [], []
    for number in range(count):
        spoken = teller.tell(number)
        if len(spoken.samples) < 16000 or len(spoken.phones) < 4:
            continue
        sounds.append(np.round(spoken.samples * 32767).astype(np.int16))
        labels.append(label(spoken.phones, spoken.alphabet, rows(len(spoken.samples))).astype(np.int8))
        names.append(f"{number}-{spoken.alphabet}")
    PATH.parent.mkdir(exist_ok=True)
    np.savez(
        PATH,
        audio=np.concatenate(sounds),
        samples=[len(sound) for sound in sounds],
        viseme=np.concatenate(labels),
        rows=[len(one) for one in labels],
        name=names,
    )
    print(f"{len(sounds)} utterances, {sum(map(len, sounds)) / 16000 / 60:.1f} min")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1600)
