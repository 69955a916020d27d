/** Whole networks and their losses against PyTorch, whose gradients `fixtures/networks.py` has kept. */
import { assert, describe, it } from "@effect/vitest"
import {
  Gradient,
  Interpreter,
  Op,
  Parameters,
  Safetensors,
  Session,
  type Value
} from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { Transformer } from "../../src/index.ts"
import { configOf } from "./small.ts"

const { Network } = Transformer
type V = Value.Value
type Numbers = Readonly<Record<string, ReadonlyArray<number>>>

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url))

const Common = Schema.Struct({
  rows: Schema.Natural,
  length: Schema.Natural,
  batches: Schema.Record(
    Schema.String,
    Schema.Struct({
      segments: Schema.Array(Schema.Natural),
      positions: Schema.Array(Schema.Natural),
      mask: Schema.Array(Schema.Natural)
    })
  ),
  configs: Schema.Array(
    Schema.Struct({
      norm: Schema.Literals(["rms", "layer"]),
      mlp: Schema.Literals(["swiglu", "gelu"]),
      keyValueHeads: Schema.Natural,
      tieEmbeddings: Schema.Boolean,
      queryKeyNorm: Schema.optionalKey(Schema.Boolean),
      batch: Schema.String
    })
  )
})
const common = Schema.decodeUnknownSync(Schema.fromJsonString(Common))(
  fixture("networks.json").toString()
)
type Choices = (typeof common.configs)[number]

/** Lehmer's generator, as in `fixtures/network.py`. */
const lehmer = (seed: number) => {
  let state = seed
  return () => (state = (state * 16807) % 2147483647) / 2147483647
}

const configFor = ({ batch: _, ...choices }: Choices) =>
  configOf({
    vocabularySize: 7,
    hiddenSize: 6,
    intermediateSize: 4,
    heads: 4,
    headDimension: 4,
    hasValue: true,
    normEpsilon: choices.norm === "rms" ? 1e-6 : 1e-5,
    attentionBias: choices.norm === "rms" ? "none" : "all",
    mlpBias: choices.mlp === "gelu",
    ...choices
  })

const parametersOf = (config: Transformer.Config.Config) => {
  const parameters = Parameters.zeros(Network.shapes(config))
  for (const [index, [name, array]] of Object.entries(parameters.arrays).entries()) {
    const draw = lehmer(index + 1)
    const [center, size] = name.endsWith("norm.weight") ? [1, 0.2] : [0, 0.6]
    array.set(array.map(() => center + size * (2 * draw() - 1)))
  }
  return parameters
}

const { rows, length } = common
const shape = [rows, length]

const drawn = (seed: number, low: number, high: number) => {
  const draw = lehmer(seed)
  return Array.from({ length: rows * length }, () => Math.fround(low + (high - low) * draw()))
}

const ids = new Set(["ids", "labels", "segments", "positions"])

const dataOf = (choices: Choices): Numbers => {
  const batch = common.batches[choices.batch]
  if (batch === undefined) throw new RangeError(choices.batch)
  return {
    ...batch,
    ids: drawn(101, 0, 7).map(Math.floor),
    labels: drawn(102, 0, 7).map(Math.floor),
    weights: drawn(103, 0.5, 1.5).map((x, index) => x * (batch.mask[index] ?? NaN)),
    old: drawn(104, -2.2, -1.6),
    reference: drawn(105, -2.5, -1.5),
    advantages: drawn(106, -1, 1),
    values: drawn(107, -1, 1),
    returns: drawn(108, -1, 1)
  }
}

interface Read {
  readonly logits: V
  readonly values: V
  /** A named array of the data. */
  readonly at: (name: string) => V
}

const surrogate = ({ logits, at }: Read) => {
  const ratio = Op.exp(Op.subtract(Op.logProbability(logits, at("labels")), at("old")))
  const clipped = Op.multiply(Op.clip(ratio, 0.8, 1.2), at("advantages"))
  return Op.minimum(Op.multiply(ratio, at("advantages")), clipped)
}

const losses: { readonly [name: string]: (read: Read) => V } = {
  sft: ({ logits, at }) => Op.crossEntropy(logits, at("labels"), { weights: at("weights") }),
  ppo: (read) => Op.negate(Op.weightedMean(surrogate(read), read.at("mask"))),
  grpo: (read) => {
    const { at, logits } = read
    const away = Op.subtract(at("reference"), Op.logProbability(logits, at("labels")))
    const divergence = Op.subtract(Op.subtract(Op.exp(away), away), 1)
    const each = Op.subtract(Op.multiply(divergence, 0.04), surrogate(read))
    const masked = Op.sum(Op.multiply(each, at("mask")), [1])
    return Op.mean(Op.divide(masked, Op.sum(at("mask"), [1])))
  },
  dpo: ({ logits, at }) => {
    const ahead = Op.subtract(Op.logProbability(logits, at("labels")), at("reference"))
    const sums = Op.sum(Op.multiply(ahead, at("mask")), [1])
    const margin = Op.subtract(Op.slice(sums, 0, 0, 1), Op.slice(sums, 0, 1, 2))
    return Op.negate(Op.logSigmoid(Op.multiply(margin, 0.5)))
  },
  value: ({ values, at }) => {
    const near = Op.add(at("values"), Op.clip(Op.subtract(values, at("values")), -0.2, 0.2))
    const [far, close] = [values, near].map((x) => Op.square(Op.subtract(x, at("returns"))))
    return Op.multiply(Op.weightedMean(Op.maximum(far ?? near, close ?? near), at("mask")), 0.5)
  },
  entropy: ({ logits, at }) => Op.weightedMean(Op.entropy(logits), at("mask"))
}

const typeOf = (name: string) => (ids.has(name) ? "int64" : "float32")

/** A loss and its gradients as a graph, with the numbers that it is fed. */
const problem = (choices: Choices, lossOf: (read: Read) => V) => {
  const config = configFor(choices)
  const parameters = parametersOf(config)
  const weights = Parameters.inputs(Network.specifications(config))
  const data = dataOf(choices)
  const at = (name: string) => Op.input(name, shape, typeOf(name))
  const inputs = Record.map(data, (_, name) => at(name))
  const of = (name: string) => inputs[name] ?? at(name)
  const batch = { ids: of("ids"), positions: of("positions"), segments: of("segments") }
  const hidden = Network.hidden(config, weights, batch)
  const loss = lossOf({
    logits: Network.logits(config, weights, hidden),
    values: Network.values(config, weights, hidden),
    at: of
  })
  const slopes = Gradient.gradients(loss, Object.values(weights))
  const names = Object.keys(weights)
  const outputs: { [name: string]: V } = { loss: Op.reshape(loss, [1]) }
  slopes.forEach((slope, index) => (outputs[`slope of ${names[index]}`] = slope))
  return { outputs, feeds: { ...parameters.arrays, ...data } }
}

const onWire = (name: string, numbers: ArrayLike<number>) =>
  ids.has(name) ? BigInt64Array.from(Array.from(numbers, BigInt)) : Float32Array.from(numbers)

type Results = Readonly<Record<string, ArrayLike<number>>>

const onRuntime = ({ outputs, feeds }: ReturnType<typeof problem>) =>
  Effect.gen(function* () {
    const session = yield* (yield* Session.SessionPool).compile(outputs)
    const all: Results = feeds
    return yield* session.run(
      Record.map(session.inputs, (_, name) => onWire(name, all[name] ?? []))
    )
  }).pipe(Effect.scoped)

const normOf = (list: ReadonlyArray<number>) => Math.sqrt(list.reduce((sum, x) => sum + x * x, 0))

/** Each tensor's error over its norm, by name; a gradient that is 0 is compared with all of them. */
const errors = (found: Results, flat: Float32Array, loss: number) => {
  let start = 0
  const whole = normOf([...flat])
  const result: { [name: string]: number } = {}
  for (const [name, list] of Object.entries(found)) {
    const wanted = name === "loss" ? [loss] : [...flat.subarray(start, (start += list.length))]
    const away = normOf(wanted.map((x, index) => x - (list[index] ?? NaN)))
    result[name] = away / Math.max(normOf(wanted), 1e-4 * whole)
  }
  assert.strictEqual(start, flat.length)
  return result
}

const kept = Effect.runSync(
  Safetensors.decode(new Uint8Array(fixture("networks.safetensors")), "networks.safetensors")
)

const named = ({ norm, mlp, keyValueHeads, tieEmbeddings, batch }: Choices) =>
  `${norm} norm, ${mlp}, ${keyValueHeads} of 4 heads, ${tieEmbeddings ? "tied" : "untied"}, ${batch}`

describe("PyTorch has the loss and every gradient of", () => {
  common.configs.forEach((choices, index) => {
    for (const [name, lossOf] of Object.entries(losses))
      it.effect(`${name}: ${named(choices)}`, () =>
        Effect.gen(function* () {
          const one = problem(choices, lossOf)
          const flat = kept.tensors[`${index} ${name}`]?.data ?? new Float32Array(0)
          const loss = Number(kept.metadata[`${index} ${name}`])
          const within = (results: Results, tolerance: number) => {
            for (const [tensor, error] of Object.entries(errors(results, flat, loss)))
              assert.isBelow(error, tolerance, tensor)
          }
          within(yield* onRuntime(one), 1e-5)
          within(Interpreter.evaluate(one.outputs, one.feeds), 1e-6)
        }).pipe(Effect.provide(Session.layerInline))
      )
  })
})
