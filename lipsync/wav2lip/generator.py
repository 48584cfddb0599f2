"""Draws faces that speak, many at once, with the weights that a person has brought."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.take import Weights
from lipsync.wav2lip.checkpoint import load
from lipsync.wav2lip.network import SIDE, Wav2Lip


class Generator:
    """Warm: loaded once, draws for many takes.

    Attributes:
        weights: Which ones.
        batch: Frames that go together best here.
    """

    weights: Weights
    batch: int

    def __init__(self, file: Path, device: str = "auto", *, precision: str = "auto") -> None:
        """Load.

        Args:
            file: A checkpoint of Wav2Lip.
            device: "auto", "cpu", "cuda", or any name of a device that torch knows.
            precision: "auto" for the best here, or "float32", "bfloat16", "float16".

        Raises:
            WeightsError: The file is not what it should be.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        tensors, self.weights = load(file)
        self.batch = 16
        self._device = torch.device(device)
        self._network = Wav2Lip(tensors).to(self._device).eval()

    def draw(self, mels: NDArray[np.float32], faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw faces that say what is heard.

        Args:
            mels: (B, 80, 16) as ``melody.windows`` gives them; any number of them.
            faces: (B, 96, 96, 3) RGB, the face each frame is to look like; its lower half is hidden from the network.

        Returns:
            (B, 96, 96, 3) RGB.
        """
        whole = torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2).flip(1).float().div(255)
        masked = whole.clone()
        masked[:, :, SIDE // 2 :] = 0
        drawn = self.forward(torch.from_numpy(mels)[:, None], torch.cat((masked, whole), dim=1))
        pictures = drawn.float().mul(255).round().clamp(0, 255).byte().flip(1).permute(0, 2, 3, 1)
        return np.ascontiguousarray(pictures.cpu().numpy())

    @torch.inference_mode()
    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """The network itself: (B, 1, 80, 16) and (B, 6, 96, 96) in [0, 1], BGR -> (B, 3, 96, 96) float32 in [0, 1]."""
        drawn: Tensor = self._network(audio.to(self._device), face.to(self._device))
        return drawn.float().cpu()
