"""The network of Wav2Lip (Prajwal et al., 2020), written as a table: what it hears and sees becomes a face that speaks.

A face encoder goes down from 96 pixels to one, an audio encoder from 80 bands by 16 steps to one; the decoder goes up
again from what was heard, and at each size takes in what the face encoder saw there. Every layer but the last is a
convolution, a batch norm (folded into it here), a way around it in some, and a rectifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    blocks: list[tuple[Layer, ...]] = [(Layer("face_encoder_blocks.0.0", 6, 16, kernel=7, padding=3),)]
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
    blocks: list[tuple[Layer, ...]] = [
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
COLOURS = "output_block.1"
LAYERS = (*(one for block in SEEING for one in block), *HEARING, *(one for block in DRAWING for one in block), LAST)
BLOCKS = ("face_encoder_blocks.", "audio_encoder.", "face_decoder_blocks.", "output_block.")
SHAPES: dict[str, tuple[int, ...]] = {
    **{name: shape for layer in LAYERS for name, shape in layer.shapes.items()},
    f"{COLOURS}.weight": (3, LAST.outputs, 1, 1),
    f"{COLOURS}.bias": (3,),
}
"""Every tensor that the network is made of, by its name in a checkpoint."""


class Step(nn.Module):
    """A layer with its batch norm folded in."""

    def __init__(self, layer: Layer, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
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


Make = Callable[[Layer, Tensor, Tensor], nn.Module]
"""Gives a layer that computes, of its folded kernel and bias."""


class Wav2Lip(nn.Module):
    """The whole network, for inference."""

    def __init__(
        self, tensors: Mapping[str, Tensor], device: str = "cpu", kind: torch.dtype = torch.float32, make: Make = Step
    ) -> None:
        """Fold the batch norms; at no time is there more than one layer in full precision besides ``tensors``.

        Args:
            tensors: As ``SHAPES`` says; they are left as they are.
            device: Where to compute.
            kind: Number format of kernels, and of what ``forward`` is given.
            make: How each layer computes.
        """
        super().__init__()

        def steps(layers: Iterable[Layer]) -> nn.Sequential:
            return nn.Sequential(
                *(make(one, *(part.to(kind) for part in folded(one, tensors, device))) for one in layers)
            )

        self.seeing = nn.ModuleList(steps(block) for block in SEEING)
        self.hearing = steps(HEARING)
        self.drawing = nn.ModuleList(steps(block) for block in DRAWING)
        self.last = steps((LAST,))
        self.colours = colours(tensors, device)
        self.eval().requires_grad_(False)

    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """Draw.

        Args:
            audio: (B, 1, 80, 16) what is heard.
            face: (B, 6, 96, 96) in [0, 1], BGR, channels last: the face without its lower half, and a whole one.

        Returns:
            (B, 3, 96, 96) float32 in [0, 1], BGR.
        """
        seen = [face]
        for block in self.seeing:
            seen.append(block(seen[-1]))
        x = self.hearing(audio)
        for block in self.drawing:
            x = torch.cat((block(x), seen.pop()), dim=1)
        painted: Tensor = self.colours(self.last(x).float())  # colours keep their full precision: it costs nothing
        return painted.sigmoid_()


def colours(tensors: Mapping[str, Tensor], device: str = "cpu") -> nn.Conv2d:
    """Give the last step of all, which makes colours of channels, in full precision."""
    made = nn.Conv2d(LAST.outputs, 3, 1, device="meta")
    # a copy: else the whole file would stay mapped for their sake
    paints = {part: tensors[f"{COLOURS}.{part}"].to(device, torch.float32, copy=True) for part in ("weight", "bias")}
    made.load_state_dict(paints, assign=True)
    return made


def folded(layer: Layer, tensors: Mapping[str, Tensor], device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution that does what convolution and batch norm do one after the other."""
    weight, bias, gain, shift, mean, variance = (tensors[name].to(device, torch.float32) for name in layer.shapes)
    gain = gain / (variance + CAREFUL).sqrt()
    return weight * gain.view((1, -1, 1, 1) if layer.up else (-1, 1, 1, 1)), (bias - mean) * gain + shift


def sizes(layers: Iterable[Layer], high: int, wide: int) -> Iterator[tuple[int, int]]:
    """Yield height and width of what goes into each of some layers that follow one another."""
    for layer in layers:
        yield high, wide
        high, wide = (_size(layer, axis, side) for axis, side in enumerate((high, wide)))


def _size(layer: Layer, axis: int, side: int) -> int:
    step = layer.stride[axis]
    if layer.up:
        return (side - 1) * step - 2 * layer.padding + layer.kernel + step - 1
    return (side + 2 * layer.padding - layer.kernel) // step + 1


SIZES: dict[str, tuple[int, int]] = {
    layer.name: size
    for chain, start in (
        ([one for block in SEEING for one in block], (SIDE, SIDE)),
        (HEARING, (80, 16)),
        ([one for block in DRAWING for one in block] + [LAST], (1, 1)),
    )
    for layer, size in zip(chain, sizes(chain, *start), strict=True)
}
"""Height and width of what goes into each layer."""
