"""The network of Wav2Lip (Prajwal et al., 2020), written as a table: what it hears and sees becomes a face that speaks.

A face encoder goes down from 96 pixels to one, an audio encoder from 80 bands by 16 steps to one; the decoder goes up
again from what was heard, and at each size takes in what the face encoder saw there. Every layer but the last is a
convolution, a batch norm (folded into it here), a way around it in some, and a rectifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 96
CAREFUL = 1e-5
"""What batch norms add to a variance before they divide by its root."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: What its tensors begin with in a checkpoint.
        inputs: Channels.
        outputs: Channels.
        kernel: Side of it.
        stride: Down by so much, or up where ``up``.
        padding: On all sides.
        around: What comes in is added to what comes out.
        up: A transposed convolution.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: Pair = (1, 1)
    padding: int = 1
    around: bool = False
    up: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel as it is stored."""
        ends = (self.inputs, self.outputs) if self.up else (self.outputs, self.inputs)
        return (*ends, self.kernel, self.kernel)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the tensors that a checkpoint holds for it."""
        one = (self.outputs,)
        norms = {f"{self.name}.conv_block.1.{part}": one for part in ("weight", "bias", "running_mean", "running_var")}
        return {f"{self.name}.conv_block.0.weight": self.shape, f"{self.name}.conv_block.0.bias": one, **norms}


def _around(name: str, channels: int) -> Layer:
    return Layer(name, channels, channels, around=True)


def _seeing() -> tuple[tuple[Layer, ...], ...]:
    """Blocks of the face encoder; each but the first and the last halves the side."""
    blocks = [(Layer("face_encoder_blocks.0.0", 6, 16, kernel=7, padding=3),)]
    sizes = ((16, 32, 2), (32, 64, 3), (64, 128, 2), (128, 256, 2), (256, 512, 1))
    for number, (inputs, outputs, more) in enumerate(sizes, start=1):
        name = f"face_encoder_blocks.{number}"
        first = Layer(f"{name}.0", inputs, outputs, stride=(2, 2))
        blocks.append((first, *(_around(f"{name}.{k}", outputs) for k in range(1, more + 1))))
    last = "face_encoder_blocks.6"
    blocks.append(
        (Layer(f"{last}.0", 512, 512, padding=0), Layer(f"{last}.1", 512, 512, kernel=1, padding=0)),
    )
    return tuple(blocks)


def _hearing() -> tuple[Layer, ...]:
    """The audio encoder: (1, 80, 16) becomes (512, 1, 1)."""
    layers: list[Layer] = []

    def add(inputs: int, outputs: int, stride: Pair, more: int) -> None:
        at = len(layers)
        layers.append(Layer(f"audio_encoder.{at}", inputs, outputs, stride=stride))
        layers.extend(_around(f"audio_encoder.{at + k}", outputs) for k in range(1, more + 1))

    add(1, 32, (1, 1), 2)
    add(32, 64, (3, 1), 2)
    add(64, 128, (3, 3), 2)
    add(128, 256, (3, 2), 1)
    layers.append(Layer("audio_encoder.11", 256, 512, padding=0))
    layers.append(Layer("audio_encoder.12", 512, 512, kernel=1, padding=0))
    return tuple(layers)


def _drawing() -> tuple[tuple[Layer, ...], ...]:
    """Blocks of the decoder; after each, what the face encoder saw at that size is laid beside its channels."""
    first, second = "face_decoder_blocks.0", "face_decoder_blocks.1"
    blocks = [
        (Layer(f"{first}.0", 512, 512, kernel=1, padding=0),),
        (Layer(f"{second}.0", 1024, 512, padding=0, up=True), _around(f"{second}.1", 512)),
    ]
    for number, (inputs, outputs) in enumerate(((1024, 512), (768, 384), (512, 256), (320, 128), (160, 64)), start=2):
        name = f"face_decoder_blocks.{number}"
        up = Layer(f"{name}.0", inputs, outputs, stride=(2, 2), up=True)
        blocks.append((up, _around(f"{name}.1", outputs), _around(f"{name}.2", outputs)))
    return tuple(blocks)


SEEING, HEARING, DRAWING = _seeing(), _hearing(), _drawing()
LAST = Layer("output_block.0", 80, 32)
COLOURS = ("output_block.1.weight", "output_block.1.bias")
LAYERS = (*(one for block in SEEING for one in block), *HEARING, *(one for block in DRAWING for one in block), LAST)
SHAPES: dict[str, tuple[int, ...]] = {
    **{name: shape for layer in LAYERS for name, shape in layer.shapes.items()},
    **{COLOURS[0]: (3, 32, 1, 1), COLOURS[1]: (3,)},
}
"""Every tensor that the network is made of, by its name in a checkpoint."""


class Step(nn.Module):
    """A layer with its batch norm folded in."""

    def __init__(self, layer: Layer, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H', W')."""
        layer = self.layer
        if layer.up:
            more = layer.stride[0] - 1
            out = functional.conv_transpose2d(x, self.weight, self.bias, layer.stride, layer.padding, more)
        else:
            out = functional.conv2d(x, self.weight, self.bias, layer.stride, layer.padding)
        return (out.add_(x) if layer.around else out).relu_()


class Wav2Lip(nn.Module):
    """The whole network, for inference."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """Fold the batch norms.

        Args:
            tensors: As ``SHAPES`` says; they are left as they are.
        """
        super().__init__()
        self.seeing = nn.ModuleList(_steps(block, tensors) for block in SEEING)
        self.hearing = _steps(HEARING, tensors)
        self.drawing = nn.ModuleList(_steps(block, tensors) for block in DRAWING)
        self.last = _steps((LAST,), tensors)
        self.colours = nn.Conv2d(32, 3, 1, device="meta").requires_grad_(False)
        self.colours.load_state_dict({"weight": tensors[COLOURS[0]], "bias": tensors[COLOURS[1]]}, assign=True)

    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """Draw.

        Args:
            audio: (B, 1, 80, 16) what is heard.
            face: (B, 6, 96, 96) in [0, 1]: the face without its lower half, and a whole one.

        Returns:
            (B, 3, 96, 96) in [0, 1].
        """
        seen = [face]
        for block in self.seeing:
            seen.append(block(seen[-1]))
        x = self.hearing(audio)
        for block in self.drawing:
            x = torch.cat((block(x), seen.pop()), dim=1)
        return self.colours(self.last(x)).sigmoid()  # type: ignore[no-any-return]


def _steps(layers: tuple[Layer, ...], tensors: Mapping[str, Tensor]) -> nn.Sequential:
    return nn.Sequential(*(Step(layer, *folded(layer, tensors)) for layer in layers))


def folded(layer: Layer, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution that does what convolution and batch norm do one after the other."""
    weight, bias, gain, shift, mean, variance = (tensors[name].float() for name in _order(layer))
    gain = gain / (variance + CAREFUL).sqrt()
    return weight * gain.view((1, -1, 1, 1) if layer.up else (-1, 1, 1, 1)), (bias - mean) * gain + shift


def _order(layer: Layer) -> tuple[str, ...]:
    conv, norm = f"{layer.name}.conv_block.0", f"{layer.name}.conv_block.1"
    return (
        *(f"{conv}.weight", f"{conv}.bias", f"{norm}.weight", f"{norm}.bias"),
        *(f"{norm}.running_mean", f"{norm}.running_var"),
    )
