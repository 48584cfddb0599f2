"""Put the averages of the last checkpoints into the package.

python -m training.face_ship [detector] [face] [mouth]
"""

from __future__ import annotations

import argparse

from lipsync.weights import enter
from training.face_loop import averaged

TRAINED_ON = (
    "official portraits of the US Congress and staff portraits of US government teams (public domain), "
    "Face Research Lab London Set (DeBruine & Jones, CC BY 4.0), GRID speaker s1 (Cooke, Barker, Cunningham, Shao, "
    "CC BY 4.0), and faces made from them; points labelled by MediaPipe FaceMesh (Apache-2.0)"
)
LAST = {"detector": "detector", "face": "face-fine", "mouth": "mouth-fine"}
"""The last stage of each network's training."""


def main() -> None:
    """Enter all three, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(LAST))
    for name in parser.parse_args().names:
        print(enter(name, averaged(LAST[name]), "CC BY 4.0", TRAINED_ON))


if __name__ == "__main__":
    main()
