// Asks arweave-js for the roots, proofs and signed bytes that our own must equal.
//
//   mkdir somewhere && cd somewhere
//   npm install arweave@1.15.7
//   cp THIS_FILE . && node make_arweave_golden.mjs > arweave.json
//
// Contents are those of make_golden.mjs: `pattern` repeated up to the size wanted. The key is thrown away: a new run
// gives other ids and signatures, and the same roots and proofs.
import { createHash } from 'node:crypto'
import Arweave from 'arweave'
import { generateTransactionChunks } from 'arweave/node/lib/merkle.js'

const PERIOD = 1_000_003
const parts = []
for (let i = 0; i * 32 < PERIOD; i++) parts.push(createHash('sha256').update(String(i)).digest())
const pattern = Buffer.concat(parts).subarray(0, PERIOD)
const content = (size) => Buffer.concat(Array(Math.ceil(size / PERIOD)).fill(pattern)).subarray(0, size)

const KIB = 1024
const SIZES = [
  1, 100000, 262143, 262144, 262145, 294911, 294912, 294913, 302144, 524287, 524288, 524289, 786432, 786442,
  2 * 256 * KIB + 32 * KIB - 1, 2 * 256 * KIB + 32 * KIB, 1000000, 7 * 256 * KIB, 8 * 256 * KIB, 60_000_000, 60 * KIB * KIB
]
const b64 = (bytes) => Buffer.from(bytes).toString('base64url')

const trees = {}
for (const size of SIZES) {
  const { data_root, proofs } = await generateTransactionChunks(content(size))
  const all = createHash('sha256')
  for (const { offset, proof } of proofs) all.update(`${offset} ${b64(proof)}\n`)
  trees[size] = {
    data_root: b64(data_root),
    chunks: proofs.length,
    last: { offset: proofs.at(-1).offset, data_path: b64(proofs.at(-1).proof) },
    proofs: all.digest('hex')
  }
}

const arweave = Arweave.init({})
const key = await arweave.wallets.generate()
const headers = []
for (const [size, tags] of [
  [0, []],
  [5, [['Content-Type', 'text/plain']]],
  [524288, [['Content-Type', 'video/mp4'], ['Title', '周报 – Überblick 𝄞'], ['File-Name', '旁白 第1集.mp4'], ['Title', '"\\ \n']]]
]) {
  const attributes = { data: content(size), reward: '123456789012345678901', last_tx: b64(createHash('sha384').update('block').digest()) }
  const made = await arweave.createTransaction(attributes, key)
  for (const [name, value] of tags) made.addTag(name, value)
  await arweave.transactions.sign(made, key)
  const signed = Buffer.from(await made.getSignatureData()).toString('hex')
  headers.push({ signed, tags, address: await arweave.wallets.ownerToAddress(made.owner), header: { ...made.toJSON(), data: '' } })
}
console.log(JSON.stringify({ trees, headers }, null, 1))
