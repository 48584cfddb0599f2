// Asks the importer of the JavaScript IPFS nodes (js-ipfs, Helia) for the CIDs that our own must equal.
//
//   mkdir somewhere && cd somewhere
//   npm install ipfs-unixfs-importer@17.1.1 blockstore-core@7.0.1
//   cp THIS_FILE . && node make_golden.mjs > cids.json
//
// Contents are the same here and in the test: `pattern` repeated up to the size wanted. Its length is a prime, so no two
// chunks are alike.
import { createHash } from 'node:crypto'
import { importer, importDirectory, importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const PERIOD = 1_000_003
const parts = []
for (let i = 0; i * 32 < PERIOD; i++) parts.push(createHash('sha256').update(String(i)).digest())
const pattern = Buffer.concat(parts).subarray(0, PERIOD)

function * content (size) {
  for (let at = 0; at < size; at += PERIOD) yield pattern.subarray(0, Math.min(PERIOD, size - at))
}

const nowhere = { put: (cid) => cid }
const own = (chunk, links) => ({
  cidVersion: 1, rawLeaves: true, reduceSingleLeafToSelf: true, fieldOrder: 'links-first', shardSplitStrategy: 'block-bytes',
  chunker: fixedSize({ chunkSize: chunk }), layout: balanced({ maxChildrenPerNode: links })
})
const RULES = {
  'unixfs-v1-2025': { profile: 'unixfs-v1-2025' },
  'legacy-v1-256k': own(256 * 1024, 174),
  tiny: own(4, 3)
}
const KIB = 1024
const COMMON = [0, 1, 255 * KIB, 256 * KIB, 256 * KIB + 1, 1024 * KIB, 1024 * KIB + 1, 50_000_000]
const SIZES = {
  'unixfs-v1-2025': COMMON,
  'legacy-v1-256k': [...COMMON, 174 * 256 * KIB, 174 * 256 * KIB + 1],
  tiny: [0, 1, 4, 5, 11, 12, 13, 35, 36, 37, 107, 108, 109, 324, 325, 1000]
}

const chinese = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`旁白 ${i} 第${(i * 7919) % 200}集.mp4`, i * 37]))
const mixed = { 'b.mp4': 2_500_000, 'B.jpg': 10, 'é.png': 0, '𝄞.mp4': 300_000, '～.mp4': 1_048_577, a: 5 }
// 885 entries, `long` of them with names of 255 bytes instead of 250: with 36 the block is 262144 bytes, the most allowed.
const many = (long) => Object.fromEntries(Array.from({ length: 885 }, (_, i) => [String(i).padStart(i < long ? 255 : 250, 'n'), 1]))
const DIRECTORIES = { empty: {}, chinese, mixed, brim: many(36), over: many(37) }

const out = { files: {}, directories: {} }
for (const [name, rules] of Object.entries(RULES)) {
  out.files[name] = {}
  for (const size of SIZES[name]) {
    const { cid, size: stored } = await importFile({ content: content(size) }, nowhere, rules)
    out.files[name][size] = { cid: cid.toString(), stored: Number(stored) }
  }
}
for (const profile of ['unixfs-v1-2025', 'legacy-v1-256k']) {
  out.directories[profile] = {}
  for (const [name, files] of Object.entries(DIRECTORIES)) {
    const source = Object.entries(files).map(([path, size]) => ({ path, content: content(size) }))
    let root = name === 'empty' ? await importDirectory({ path: 'empty' }, nowhere, RULES[profile]) : undefined
    for await (const entry of importer(source, nowhere, { ...RULES[profile], wrapWithDirectory: true })) root = entry
    out.directories[profile][name] = { cid: root.cid.toString(), kind: root.unixfs.type }
  }
}
console.log(JSON.stringify(out, null, 1))
