"""The network of Wav2Lip: what the reference computes with the same weights, on every device and in every precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.brought import weights
from lipsync.wav2lip import packed, precision
from lipsync.wav2lip.averaged import Averaged, rounded
from lipsync.wav2lip.lane import painted, unpainted
from lipsync.wav2lip.melody import melody
from lipsync.wav2lip.network import LAYERS, SHAPES, SIZES, Layer, Step, Wav2Lip, folded
from lipsync.wav2lip.packed import packing
from lipsync.wav2lip.precision import HALVES, alike, features, precision_on, trial
from lipsync.wav2lip.product import product_of

GOLDEN = Path(__file__).parent / "golden" / "wav2lip.npz"
VECTORS = Path(__file__).parents[3] / "shared" / "data" / "wav2lip" / "vectors.npz"
NEAR = 0.01 if features() & HALVES else 0.015
"""How far bfloat16 may be off. A CPU without it rounds sums more often; there it is not used unasked."""
FLOOR = 7.93e9
"""Floating point operations of a frame, two for a product and its sum."""


@pytest.fixture(scope="module")
def exact(random_weights: dict[str, torch.Tensor]) -> Wav2Lip:
    return Wav2Lip(random_weights)


@pytest.fixture(scope="module")
def given() -> tuple[torch.Tensor, torch.Tensor]:
    dice = np.random.default_rng(6)
    audio = dice.uniform(-4, 1.5, (2, 1, 80, 16)).astype(np.float32)
    face = dice.random((2, 6, 96, 96), dtype=np.float32)
    face[:, :3, 48:] = 0
    return torch.from_numpy(audio), torch.from_numpy(face).contiguous(memory_format=torch.channels_last)


def decibels(off: torch.Tensor) -> float:
    return float(-10 * off.square().mean().log10())


@torch.inference_mode()
def test_golden_values(exact: Wav2Lip, given: tuple[torch.Tensor, torch.Tensor]) -> None:
    """They were written when the same code agreed with the reference's vectors, which are too large to be here."""
    drawn = exact(*given).numpy()[:, :, 5::11, 5::11]
    np.testing.assert_allclose(drawn, np.load(GOLDEN)["out"], atol=1e-4)


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared/data/wav2lip is not here")
@torch.inference_mode()
def test_full_precision_is_the_references(exact: Wav2Lip) -> None:
    vectors = np.load(VECTORS)
    drawn = exact(torch.from_numpy(vectors["audio"]), torch.from_numpy(vectors["face"]))
    np.testing.assert_allclose(drawn.numpy(), vectors["out"], atol=1e-4)


@pytest.mark.skipif(not VECTORS.exists(), reason="../shared/data/wav2lip is not here")
@torch.inference_mode()
def test_half_precision_is_near_the_references(random_weights: dict[str, torch.Tensor]) -> None:
    vectors = np.load(VECTORS)
    audio, face = (torch.from_numpy(vectors[name]) for name in ("audio", "face"))
    drawn = Averaged(random_weights, 4)(audio, face.contiguous(memory_format=torch.channels_last))
    off = (drawn - torch.from_numpy(vectors["out"])).abs()
    assert off.max() < NEAR
    assert off.mean() < NEAR / 10
    assert decibels(off) > 55


@pytest.mark.parametrize("seed", [2, 3])
@torch.inference_mode()
def test_half_precision_is_near_with_other_weights(seed: int, given: tuple[torch.Tensor, torch.Tensor]) -> None:
    tensors = weights(seed)
    off = (Averaged(tensors, 2)(*given) - Wav2Lip(tensors)(*given)).abs()
    assert off.max() < NEAR
    assert off.mean() < NEAR / 10


def test_what_is_rounded_twice_is_nearer_on_average() -> None:
    weight = torch.randn((8, 8, 3, 3), generator=torch.Generator().manual_seed(5))
    once, twice = rounded(weight, 0), rounded(weight, 1)
    assert once.dtype == twice.dtype == torch.bfloat16
    assert torch.equal(once, weight.bfloat16())
    off = ((once.float() + twice.float()) / 2 - weight).square().mean()
    assert off < 0.3 * (once.float() - weight).square().mean()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_packed_layers_say_what_plain_ones_say(
    kind: torch.dtype,
    random_weights: dict[str, torch.Tensor],
    exact: Wav2Lip,
    given: tuple[torch.Tensor, torch.Tensor],
) -> None:
    network = Wav2Lip(random_weights, kind=kind, make=packing(2, kind))
    drawn = network(*(part.to(kind) for part in given))
    assert drawn.dtype == torch.float32
    off = drawn - exact(*given)
    assert off.abs().max() < (1e-4 if kind == torch.float32 else 0.02)
    assert decibels(off) > 50


def test_nothing_is_packed_where_torch_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError("no such operator here")

    packed._works.cache_clear()
    monkeypatch.setattr(packed.Packed, "__init__", refuse)
    assert packing(8, torch.bfloat16) is Step
    packed._works.cache_clear()


def test_nothing_is_packed_where_it_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    packed._works.cache_clear()
    monkeypatch.setattr(packed.Packed, "forward", lambda self, x: torch.zeros(()))
    assert packing(8, torch.float32) is Step
    packed._works.cache_clear()


def test_a_folded_layer_is_convolution_and_norm() -> None:
    layer = Layer("one", 3, 5, stride=(2, 1))
    draw = torch.Generator().manual_seed(1)
    tensors = {name: torch.rand(shape, generator=draw) for name, shape in layer.shapes.items()}
    x = torch.randn((2, 3, 9, 8), generator=draw)
    kernel, bias, *norm = tensors.values()
    wanted = torch.nn.functional.batch_norm(
        torch.nn.functional.conv2d(x, kernel, bias, (2, 1), 1), norm[2], norm[3], norm[0], norm[1]
    ).relu()
    torch.testing.assert_close(Step(layer, *folded(layer, tensors))(x), wanted)


def test_small_layers_are_products() -> None:
    draw = torch.Generator().manual_seed(4)
    made = 0
    for layer in LAYERS:
        weight, bias = torch.randn(layer.shape, generator=draw) / 50, torch.randn(layer.outputs, generator=draw)
        product = product_of(layer, weight, bias)
        if product is not None:
            x = torch.randn((2, layer.inputs, *SIZES[layer.name]), generator=draw)
            torch.testing.assert_close(product(x), Step(layer, weight, bias)(x), rtol=1e-4, atol=1e-4)
            assert product(x).is_contiguous(memory_format=torch.channels_last)
            made += 1
    assert made == 5


def test_cost_of_a_frame() -> None:
    """The sizes that kernels are packed for are those that come: together they cost what is published."""
    total = 0.0
    for layer in LAYERS:
        high, wide = SIZES[layer.name]
        if not layer.up:
            high, wide = (
                (side + 2 * layer.padding - layer.kernel) // step + 1
                for side, step in zip((high, wide), layer.stride, strict=True)
            )
        total += 2.0 * np.prod(layer.shape) * high * wide
    assert total == pytest.approx(FLOOR, rel=0.001)


@torch.inference_mode()
def test_everything_stays_on_its_device() -> None:
    """On "meta" nothing is computed, and a tensor that is elsewhere is refused."""
    tensors = {name: torch.empty(shape, device="meta") for name, shape in SHAPES.items()}
    network = Wav2Lip(tensors, "meta", torch.float16)
    assert {part.device.type for part in network.parameters()} == {"meta"}
    faces = torch.empty((3, 96, 96, 3), dtype=torch.uint8, device="meta")
    mels = torch.empty((3, 1, 80, 16), dtype=torch.float16, device="meta")
    drawn = unpainted(network(mels, painted(faces, torch.float16)))
    assert drawn.device.type == "meta"
    assert (drawn.shape, drawn.dtype) == (faces.shape, torch.uint8)


def test_faces_go_in_blue_first_and_half_hidden() -> None:
    faces = torch.randint(0, 256, (2, 96, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    seen = painted(faces, torch.float32)
    assert seen.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(seen[:, 3], faces[..., 2] / 255, atol=1e-6)
    assert torch.equal(seen[:, :3, :48], seen[:, 3:, :48])
    assert not seen[:, :3, 48:].any()
    assert torch.equal(unpainted(seen[:, 3:]), faces)


def test_the_cpus_features_and_a_trial_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    for known, quick, wanted in (
        (("amx_bf16",), True, torch.bfloat16),
        (("avx512_bf16",), False, torch.float32),
        (("avx512f",), True, torch.float32),
        ((), True, torch.float32),
    ):
        monkeypatch.setattr(precision, "features", lambda known=known: frozenset(known))
        monkeypatch.setattr(precision, "halves_pay", lambda quick=quick: quick)
        assert precision_on(torch.device("cpu")) == wanted
    assert precision_on(torch.device("cuda")) == torch.float16
    assert precision_on(torch.device("meta")) == torch.float32
    assert features() == features()


def test_half_precision_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = iter((1.0, 9.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0))
    monkeypatch.setattr(precision, "_cost", lambda step, x: next(costs))
    precision.halves_pay.cache_clear()
    assert precision.halves_pay()
    costs = iter((1.5, 1.5, 1.5, 1.5, 3.0, 3.0, 3.0, 3.0))
    precision.halves_pay.cache_clear()
    assert not precision.halves_pay()
    precision.halves_pay.cache_clear()


def test_pictures_that_differ_too_much() -> None:
    picture = torch.rand((1, 3, 96, 96), generator=torch.Generator().manual_seed(3))
    assert alike(picture, picture + 0.005)
    assert not alike(picture, picture + 0.006)
    assert not alike(picture * torch.nan, picture)
    audio, face = trial()
    assert torch.equal(audio, trial()[0])
    assert (audio.shape, face.shape) == ((1, 1, 80, 16), (1, 6, 96, 96))


def test_golden_melody() -> None:
    time = np.arange(16000) / 16000
    dice = np.random.default_rng(6)
    dice.uniform(-4, 1.5, (2, 1, 80, 16)), dice.random((2, 6, 96, 96), dtype=np.float32)
    tone, hiss = 0.4 * np.sin(2 * np.pi * (180 + 300 * time) * time), 0.05 * dice.standard_normal(16000)
    speech = (tone * (time < 0.8) + hiss * (time > 0.3)).astype(np.float32)
    np.testing.assert_allclose(melody(speech)[::4, ::5], np.load(GOLDEN)["mel"], atol=1e-3)
