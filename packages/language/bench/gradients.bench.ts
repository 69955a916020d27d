/**
 * The gradients of whole models beside PyTorch's in float64, tensor by tensor: `npm run bench -- gradients`.
 * It needs Debian's python3-torch; small networks are compared by the tests, without it.
 */
import { Gradient, Op, Parameters, Safetensors, Session, type Value } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import { Transformer } from "../src/index.ts"

const { Config, Network } = Transformer

interface Size {
  readonly name: string
  readonly config: Transformer.Config.Config
  readonly rows: number
  readonly length: number
}

const sizeOf = (
  name: string,
  sizes: Transformer.Config.Sizes,
  rows: number,
  length: number
): Size => ({ name, config: Result.getOrThrow(Config.make(sizes)), rows, length })

const sizes: ReadonlyArray<Size> = [
  sizeOf(
    "1 M",
    { vocabularySize: 1500, hiddenSize: 128, intermediateSize: 384, layers: 4, heads: 4 },
    4,
    128
  ),
  sizeOf(
    "40 M",
    {
      vocabularySize: 4096,
      hiddenSize: 512,
      intermediateSize: 1408,
      layers: 12,
      heads: 8,
      keyValueHeads: 4,
      tieEmbeddings: false
    },
    2,
    64
  )
]

/** Lehmer's generator: the same numbers at every run. */
const random = (() => {
  let state = 1
  return () => (state = (state * 16807) % 2147483647) / 2147483647
})()

const idsOf = ({ config, rows, length }: Size) =>
  Array.from({ length: rows * length }, () => Math.floor(random() * config.vocabularySize))

/** The loss and the gradients on the runtime, with what they were computed from. */
const computed = Effect.fnUntraced(function* (size: Size) {
  const { config, rows, length } = size
  const specifications = Network.specifications(config)
  const weights = Parameters.inputs(specifications)
  const parameters = Parameters.make(specifications, random)
  const ids = Op.input("ids", [rows, length], "int64")
  const labels = Op.input("labels", [rows, length], "int64")
  const hidden = Network.hidden(config, weights, { ids })
  const loss = Op.crossEntropy(Network.logits(config, weights, hidden), labels)
  const names = Object.keys(weights)
  const slopes = Gradient.gradients(loss, Object.values(weights)).map(
    (slope, index): readonly [string, Value.Value] => [names[index] ?? "", slope]
  )
  const outputs = { ...Object.fromEntries(slopes.map(([n, v]) => [`d/${n}`, v])), loss }
  const data = { ids: idsOf(size), labels: idsOf(size) }
  const pool = yield* Session.SessionPool
  const session = yield* pool.compile(outputs, { bind: parameters.arrays })
  const feeds = {
    ids: BigInt64Array.from(data.ids, BigInt),
    labels: BigInt64Array.from(data.labels, BigInt)
  }
  const results: Readonly<Record<string, Float32Array>> = yield* session.run(feeds)
  const tensors = Object.entries(parameters.shapes).flatMap(([name, shape]) => [
    [name, { shape, data: parameters.arrays[name] ?? new Float32Array(0) }] as const,
    [`d/${name}`, { shape, data: results[`d/${name}`] ?? new Float32Array(0) }] as const
  ])
  return { tensors: Object.fromEntries(tensors), data, loss: results["loss"]?.[0] ?? Number.NaN }
}, Effect.scoped)

interface Compared {
  readonly loss: number
  readonly worst: number
  readonly all: number
}

/** What PyTorch says of them, or why it says nothing. */
const compared = (size: Size, found: Effect.Success<ReturnType<typeof computed>>) => {
  const { config, rows, length } = size
  const folder = mkdtempSync(`${tmpdir()}/gradients-`)
  const problem = { config, rows, length, ...found.data, loss: found.loss }
  writeFileSync(`${folder}/problem.json`, JSON.stringify(problem))
  writeFileSync(`${folder}/tensors.safetensors`, Safetensors.encode(found.tensors))
  const script = new URL("gradients_in_torch.py", import.meta.url).pathname
  const run = spawnSync("/usr/bin/python3", [script, folder], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" }
  })
  rmSync(folder, { recursive: true })
  if (run.status !== 0) return `python3 with torch did not run: ${run.stderr.slice(-300)}`
  const numbers: Compared = JSON.parse(run.stdout)
  return numbers
}

const figuresOf = Effect.fnUntraced(function* (size: Size) {
  const numbers = compared(size, yield* computed(size))
  const figure = (what: string, read: (numbers: Compared) => number): Figure => {
    const question = {
      name: `${what}, ${size.name}`,
      unit: "relative error",
      goal: 1e-5,
      higherIsBetter: false,
      against: "PyTorch in float64"
    }
    return typeof numbers === "string"
      ? { ...question, missing: numbers }
      : { ...question, value: read(numbers) }
  }
  return [
    figure("loss", ({ loss }) => loss),
    figure("worst gradient tensor", ({ worst }) => worst),
    figure("all gradients", ({ all }) => all)
  ]
})

const bench: Bench = () =>
  Effect.forEach(sizes, figuresOf).pipe(
    Effect.map((all) => all.flat()),
    Effect.provide(Session.layerInline),
    Effect.runPromise
  )

export default bench
