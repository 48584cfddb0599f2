"""Against a real gateway and the reference library: what we sign they take, what they sign we take."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from publishers import identify
from publishers.arweave.answers import Posted
from publishers.arweave.data import Data
from publishers.arweave.encoding import encode
from publishers.arweave.merkle import CHUNK, LEAST
from publishers.arweave.network import Gateway
from publishers.arweave.pathmanifest import MEDIA_TYPE, path_manifest
from publishers.arweave.signature import signed_by
from publishers.arweave.tags import Tag, describe
from publishers.arweave.transaction import Header, sign
from publishers.arweave.wallet import Wallet
from publishers.secret import Secret
from tests.nodes.arlocal import NETWORK, Arlocal
from tests.nodes.arweave_js import ArweaveJs
from tests.publishers.arweave.keys import jwk_text, new_key

pytestmark = pytest.mark.e2e

COMPARE = """
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Arweave from 'arweave'
import { validatePath } from 'arweave/node/lib/merkle.js'
const b64 = (bytes) => Buffer.from(bytes).toString('base64url')
const arweave = Arweave.init({})
const { key, cases } = JSON.parse(readFileSync(0, 'utf8'))
const out = []
for (const { path, header } of cases) {
  const data = new Uint8Array(readFileSync(path))
  const ours = arweave.transactions.fromRaw(header)
  const verified = await arweave.transactions.verify(ours)
  const theirs = await arweave.createTransaction({ data, last_tx: header.last_tx, reward: header.reward }, key)
  const plain = (text) => Buffer.from(text, 'base64url').toString()
  for (const { name, value } of header.tags) theirs.addTag(plain(name), plain(value))
  await arweave.transactions.sign(theirs, key)
  const chunks = theirs.chunks.proofs.map((_, i) => theirs.getChunk(i, data))
  for (const chunk of chunks) {
    const root = Buffer.from(chunk.data_root, 'base64url'), proof = Buffer.from(chunk.data_path, 'base64url')
    if (!await validatePath(root, +chunk.offset, 0, data.length, proof)) throw new Error('their proof is false')
  }
  const proofs = chunks.map((c) => [c.offset, c.data_path, createHash('sha256').update(c.chunk).digest('hex')])
  out.push({ verified, header: { ...theirs.toJSON(), data: '' }, signed: b64(await theirs.getSignatureData()), proofs })
}
console.log(JSON.stringify(out))
"""


@pytest.fixture
def payer(arlocal: Arlocal) -> Wallet:
    """A wallet with 10 AR."""
    wallet = Wallet(Secret(jwk_text(new_key())))
    arlocal.mint(wallet.address, 10_000_000_000_000)
    return wallet


@pytest.fixture
def gateway(arlocal: Arlocal) -> Iterator[Gateway]:
    with closing(Gateway(arlocal.url)) as gateway:
        yield gateway


def made(path: Path, size: int) -> Path:
    path.write_bytes(random.Random(f"{path.name} {size}").randbytes(size))  # arlocal stores equal chunks but once
    return path


def signed(gateway: Gateway, wallet: Wallet, path: Path, title: str = "周报") -> tuple[Data, Header]:
    data = Data.of(path)
    tags = describe(identify(path), title)
    return data, sign(wallet, data, tags, gateway.price(data.size), gateway.anchor().block)


def test_random_files_and_tags_equal_arweave_js(
    arweave_js: ArweaveJs, wallet: Wallet, key_text: str, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    (tmp_path / f"seed-{seed}").touch()  # to be seen in the folder that a failed test leaves
    lots = random.Random(seed)
    borders = [CHUNK, CHUNK + 1, CHUNK + LEAST - 1, CHUNK + LEAST, 2 * CHUNK, 3 * CHUNK + 7]
    sizes = [*borders, *(lots.randint(1, 9 * CHUNK) for _ in range(10))]
    signs = [chr(code) for code in (*range(32, 127), *range(0x4E00, 0x4E40), 0x1D11E, 0xE9, 0x0A, 0x202E)]
    cases, headers, datas = [], [], []
    for number, size in enumerate(sizes):
        tags = [
            Tag(*("".join(lots.choices(signs, k=lots.randint(1, 20))) for _ in range(2)))
            for _ in range(lots.randint(0, 12))
        ]
        data = Data.of(made(tmp_path / f"{number}.bin", size))
        header = sign(wallet, data, tags, lots.randrange(1 << 70), encode(lots.randbytes(48)))
        cases.append({"path": str(data.path), "header": header.document()})
        headers.append(header)
        datas.append(data)
    answers = arweave_js.run(COMPARE, {"key": json.loads(key_text), "cases": cases})
    for data, header, answer in zip(datas, headers, answers, strict=True):
        assert answer["verified"]
        assert answer["signed"] == encode(header.signed)
        theirs = Header.from_json(json.dumps(answer["header"]))  # their signature is sound to us, too
        assert theirs.document() == {**header.document(), "id": theirs.id, "signature": theirs.signature}
        chunks = [data.chunk(index).document for index in range(data.chunks)]
        assert [proof(chunk) for chunk in chunks] == answer["proofs"]


def proof(chunk: dict[str, str]) -> list[str]:
    return [chunk["offset"], chunk["data_path"], hashlib.sha256(chunk["chunk"].encode()).hexdigest()]


def test_a_key_of_arweave_js_is_ours(arweave_js: ArweaveJs) -> None:
    program = """
    import Arweave from 'arweave'
    const arweave = Arweave.init({})
    const key = await arweave.wallets.generate()
    console.log(JSON.stringify({ key, address: await arweave.wallets.jwkToAddress(key) }))
    """
    answer: dict[str, Any] = arweave_js.run(program)
    wallet = Wallet(Secret(json.dumps(answer["key"])))
    assert wallet.address == answer["address"]
    assert signed_by(wallet.owner, b"x", wallet.sign(b"x"))


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 5, 3 * CHUNK, 2_000_003])
def test_a_file_is_posted_mined_and_read_back(
    size: int, arlocal: Arlocal, gateway: Gateway, payer: Wallet, tmp_path: Path
) -> None:
    before = gateway.balance(payer.address)
    data, header = signed(gateway, payer, made(tmp_path / "旁白 1.mp4", size))
    assert gateway.status(header.id).state == "absent"
    assert gateway.post(header) is Posted.ACCEPTED
    for index in range(data.chunks):
        gateway.post_chunk(data.chunk(index))
    assert gateway.status(header.id).state == "pending"
    arlocal.mine(3)
    status = gateway.status(header.id)
    assert status.state == "confirmed"
    assert status.confirmations >= 1
    read = gateway.web.read(f"/{header.id}", size)
    assert (read.sha256, read.bytes) == (hashlib.sha256(data.path.read_bytes()).hexdigest(), size)
    assert before - gateway.balance(payer.address) == header.reward == gateway.price(size)
    assert gateway.header(header.id) == header


def test_small_files_travel_in_the_header(arlocal: Arlocal, gateway: Gateway, payer: Wallet, tmp_path: Path) -> None:
    data, header = signed(gateway, payer, made(tmp_path / "poster.jpg", 40_000))
    assert gateway.post(header, data.inline()) is Posted.ACCEPTED
    arlocal.mine()
    assert arlocal.data(header.id) == data.path.read_bytes()


def test_a_second_post_is_not_paid_for(arlocal: Arlocal, gateway: Gateway, payer: Wallet, tmp_path: Path) -> None:
    data, header = signed(gateway, payer, made(tmp_path / "a.mp4", CHUNK + 70_000))
    before = gateway.balance(payer.address)
    assert gateway.post(header) is Posted.ACCEPTED
    gateway.post_chunk(data.chunk(0))
    gateway.post_chunk(data.chunk(0))
    assert gateway.post(header) is not Posted.ACCEPTED
    gateway.post_chunk(data.chunk(1))
    assert gateway.post(header) is not Posted.ACCEPTED
    arlocal.mine()
    assert gateway.post(header) is not Posted.ACCEPTED
    assert gateway.status(header.id).state == "confirmed"
    assert before - gateway.balance(payer.address) == header.reward
    assert arlocal.data(header.id) == data.path.read_bytes()


def test_what_was_published_is_found_without_a_ledger(
    arlocal: Arlocal, gateway: Gateway, payer: Wallet, tmp_path: Path
) -> None:
    data, header = signed(gateway, payer, made(tmp_path / "a.jpg", 5_000))
    sha256 = hashlib.sha256(data.path.read_bytes()).hexdigest()
    assert gateway.find(payer.address, sha256) == ()
    gateway.post(header, data.inline())
    arlocal.mine()
    assert gateway.find(payer.address, sha256) == (header.id,)
    assert gateway.find(payer.address, "0" * 64) == ()
    assert gateway.find("A" * 43, sha256) == ()
    found = gateway.header(header.id)
    assert found is not None
    assert (found.data_root, found.data_size, found.address) == (data.root, data.size, payer.address)


def test_too_little_money_is_known_before_and_after(gateway: Gateway, arlocal: Arlocal, tmp_path: Path) -> None:
    poor = Wallet(Secret(jwk_text(new_key())))
    assert gateway.balance(poor.address) == 0
    data, header = signed(gateway, poor, made(tmp_path / "a.mp4", 300_000))
    assert header.reward > gateway.balance(poor.address)
    assert gateway.post(header) is Posted.UNFUNDED
    arlocal.mint(poor.address, header.reward - 1)
    assert gateway.balance(poor.address) == header.reward - 1
    assert gateway.post(header) is Posted.UNFUNDED
    assert gateway.status(header.id).state == "absent"
    arlocal.mint(poor.address, 1)
    assert gateway.post(header) is Posted.ACCEPTED
    assert gateway.balance(poor.address) == 0
    for index in range(data.chunks):
        gateway.post_chunk(data.chunk(index))


def test_what_is_changed_on_the_way_is_not_taken(gateway: Gateway, payer: Wallet, tmp_path: Path) -> None:
    data = Data.of(made(tmp_path / "a.mp4", 1000))
    other = sign(payer, data, [], gateway.price(1000), encode(bytes(48)))
    assert gateway.post(other) is Posted.INVALID  # an anchor that no block has
    assert gateway.status(other.id).state == "absent"


def test_one_address_for_all_files(arlocal: Arlocal, gateway: Gateway, payer: Wallet, tmp_path: Path) -> None:
    files = {}
    for name in ("alice.mp4", "旁白 1.jpg"):
        data, header = signed(gateway, payer, made(tmp_path / name, 9_000))
        gateway.post(header, data.inline())
        files[name] = header.id
    path = tmp_path / "paths.json"
    path.write_bytes(path_manifest(files))
    data = Data.of(path)
    header = sign(payer, data, [Tag("Content-Type", MEDIA_TYPE)], gateway.price(data.size), gateway.anchor().block)
    gateway.post(header, data.inline())
    arlocal.mine()
    assert arlocal.data(f"{header.id}/alice.mp4") == (tmp_path / "alice.mp4").read_bytes()
    assert arlocal.data(f"{header.id}/%E6%97%81%E7%99%BD%201.jpg") == (tmp_path / "旁白 1.jpg").read_bytes()
    assert arlocal.data(header.id) == (tmp_path / "alice.mp4").read_bytes()


def test_the_gateway_names_its_network(gateway: Gateway, arlocal: Arlocal) -> None:
    height = gateway.info().height
    arlocal.mine(2)
    info = gateway.info()
    assert (info.network, info.height) == (NETWORK, height + 2)
    assert info.clock is not None
    assert not gateway.anchor().expired(info.height)
