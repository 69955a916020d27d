import { Seed } from "@dreamgym/domain"
import { Op, Session, type Value } from "@dreamgym/graph"
import { DecoderModel } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { Entry } from "../src/Columns.ts"
import { Aggregation, type Loss } from "../src/index.ts"
import * as PolicyGraph from "../src/PolicyGraph.ts"
import * as Numbers from "./numbers.ts"
import { clippedRatios, type Tables, wholeLoss } from "./slow.ts"
import * as Table from "./table.ts"

type Options = Loss.PolicyLossOptions
type Entries = ReadonlyArray<Entry<Table.Row>>

const trained = { parameters: Table.parametersOf(1), version: 0 }
const weights = DecoderModel.weightsOf(trained.parameters)
const { logits = new Float32Array(0), values = new Float32Array(0) } = trained.parameters.arrays
const tables: Tables = { logits, values }

const graphOf = (options: Options, padding: number, count: number) => {
  const model = Table.tableOf(trained, { padding })
  const shape = { batch: count + padding, read: Table.places }
  return { model, ...PolicyGraph.graphOf(model, weights, options, shape) }
}

const lossOf = (entries: Entries, options: Options, padding = 0, counts?: Aggregation.Counts) => {
  const { loss, model } = graphOf(options, padding, entries.length)
  return Numbers.scalar(loss, Table.feedsWith(model, entries, options, counts))
}

const levels = ["token", "action", "sequence"] as const
const surrogates = ["clip", "cispo"] as const
const aggregations = [
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm"
] as const
const estimators = ["k1", "k2", "k3"] as const

/** Every mode that is not refused. */
const modes: ReadonlyArray<Options> = levels.flatMap((ratioLevel) =>
  surrogates
    .filter((surrogate) => surrogate === "clip" || ratioLevel !== "sequence")
    .flatMap((surrogate) =>
      (surrogate === "clip" ? [0, 1.5] : [0]).flatMap((clipRatioC) =>
        aggregations.flatMap((lossAgg) =>
          estimators.map((klEstimator, i): Options => ({
            ...Table.gradientOptions,
            ratioLevel,
            surrogate,
            clipRatioC,
            lossAgg,
            lossHorizon: 7,
            klEstimator,
            valueClip: i === 0 ? 0 : 0.2,
            advantageLevel: ratioLevel === "token" && i !== 1 ? "token" : "step"
          }))
        )
      )
    )
)

const nameOf = (mode: Options) =>
  [mode.ratioLevel, mode.surrogate, mode.clipRatioC, mode.lossAgg, mode.klEstimator].join(" ")

const withoutTokens = (entries: Entries): Entries => entries.map(({ tokens: _, ...entry }) => entry)

const drawn = (mode: Options, key: number, count?: number): Entries => {
  const entries = Table.entriesOf(key, count)
  return mode.advantageLevel === "token" ? entries : withoutTokens(entries)
}

const cases = fc.record({
  mode: fc.constantFrom(...modes),
  key: fc.nat({ max: 1e6 }),
  count: fc.integer({ min: 1, max: Table.rows }),
  padding: fc.integer({ min: 0, max: 3 }),
  cut: fc.nat()
})

describe("The whole loss, in every mode,", () => {
  it("is what its formulas give token by token, whatever pads the batch", () => {
    fc.assert(
      fc.property(cases, ({ count, key, mode, padding }) => {
        const entries = drawn(mode, key, count)
        const wanted = wholeLoss(tables, entries, mode)
        const found = lossOf(entries, mode, padding)
        assert.closeTo(found, wanted, 1e-5 * (1 + Math.abs(wanted)), nameOf(mode))
      }),
      { numRuns: 150 }
    )
  })

  it("does not depend on the order of the decisions, nor on how they are cut into parts", () => {
    fc.assert(
      fc.property(cases, ({ count, cut, key, mode, padding }) => {
        const entries = drawn(mode, key, count)
        const counts = Aggregation.countsOf(entries)
        const whole = lossOf(entries, mode)
        const at = cut % (count + 1)
        const parts = [entries.slice(0, at), entries.slice(at)].filter(({ length }) => length > 0)
        const sum = parts.reduce(
          (total, part) => total + (part.length / count) * lossOf(part, mode, padding, counts),
          0
        )
        const tolerance = 1e-6 * (1 + Math.abs(whole))
        assert.closeTo(sum, whole, tolerance, nameOf(mode))
        assert.closeTo(lossOf(entries.toReversed(), mode), whole, tolerance, nameOf(mode))
      }),
      { numRuns: 100 }
    )
  })

  it("is reported with means over tokens, however they are weighed in it", () => {
    const entries = withoutTokens(Table.entriesOf(5))
    const shown = aggregations.map((lossAgg) => {
      const mode: Options = {
        ...Table.gradientOptions,
        ratioLevel: "token",
        lossAgg,
        lossHorizon: 7,
        klEstimator: "k2"
      }
      const { model, outputs } = graphOf(mode, 2, entries.length)
      const found = Numbers.exactly(outputs, Table.feedsWith(model, entries, mode))
      return ["losses/entropy", "losses/kl_to_reference", "losses/approx_kl"].map(
        (name) => found[`out ${name}`]?.[0] ?? Number.NaN
      )
    })
    const plain: Options = { ...Table.gradientOptions, ratioLevel: "token", vfCoef: 0 }
    const lost = (more: Partial<Options>) =>
      wholeLoss(tables, entries, { ...plain, lossAgg: "token-mean", klEstimator: "k2", ...more })
    const none = lost({ entropyCoef: 0, klLossCoef: 0 })
    for (const [entropy = 0, kl = 0, moved] of shown) {
      assert.closeTo(entropy, none - lost({ entropyCoef: 1, klLossCoef: 0 }), 1e-6)
      assert.closeTo(kl, lost({ entropyCoef: 0, klLossCoef: 1 }) - none, 1e-6)
      assert.strictEqual(moved, shown[0]?.[2])
    }
  })

  it("has the gradient that differences of the formulas have", () => {
    for (const [key, mode] of modes.entries()) {
      const entries = drawn(mode, key, 6)
      const { loss, model } = graphOf(mode, 1, entries.length)
      const feeds = Table.feedsWith(model, entries, mode)
      const exact = Numbers.exactly(Numbers.slopesOf(loss, weights), feeds)
      // Of k1 and k3 the gradient is that of k2; of CISPO the weight has none.
      const followed: Options = { ...mode, klEstimator: "k2" }
      const frozen = clippedRatios(tables, entries, mode)
      const held = mode.surrogate === "cispo" ? { frozen } : {}
      const slopeAt = (name: "logits" | "values", place: number) => {
        const moved = (by: number) => {
          const array = Float64Array.from(tables[name])
          array[place] = (array[place] ?? 0) + by
          return wholeLoss({ ...tables, [name]: array }, entries, followed, held)
        }
        return (moved(1e-5) - moved(-1e-5)) / 2e-5
      }
      const random = Seed.generator(key)
      for (const [name, size, count] of [
        ["logits", 6 * Table.places * Table.words, 30],
        ["values", 6 * Table.places, 8]
      ] as const) {
        for (let i = 0; i < count; i++) {
          const place = Seed.below(random, size)
          const found = exact[`out ${name}`]?.[place] ?? Number.NaN
          assert.closeTo(found, slopeAt(name, place), 1e-5, `${nameOf(mode)} ${name}`)
        }
      }
    }
  })
})

/**
 * The loss as it was when the README's table was measured, operation by operation: the order in
 * which they are written is that in which gradients are added up.
 */
const firstLoss = (model: Table.TableModel, batch: number, options: Options): Value.Value => {
  const reading = model.reading(weights, { batch, read: Table.places })
  const column = (name: string) => Op.input(name, [batch])
  const rowB = column("row")
  const meanOver = () => {
    const count = Op.maximum(Op.sum(rowB, [0]), 1)
    return (x: Value.Value) => Op.divide(Op.sum(Op.multiply(x, rowB), [0]), count)
  }
  const mean = meanOver()
  const logBKV = Op.logSoftmax(reading.logitsBKV)
  const shares = Op.exp(logBKV)
  const bounded = Op.maximum(logBKV, Op.constant(-50))
  const entropyBK = Op.negate(Op.sum(Op.multiply(shares, bounded), [2]))
  const sum = (x: Value.Value) => Op.sum(Op.multiply(x, reading.weightBK), [1])
  const logProbabilityB = sum(Op.pick(logBKV, reading.targetBK))
  const entropyB = sum(entropyBK)
  const moved = Op.subtract(logProbabilityB, column("oldLogProbability"))
  const ratio = Op.exp(Op.clip(moved, -20, 20))
  const clipped = Op.clip(ratio, 1 - options.clipRatioLow, 1 + options.clipRatioHigh)
  const advantageB = column("advantage")
  const surrogateB = Op.minimum(Op.multiply(ratio, advantageB), Op.multiply(clipped, advantageB))
  const plain = Op.square(Op.subtract(reading.valueB ?? rowB, column("return")))
  const terms = [
    Op.multiply(Op.negate(mean(surrogateB)), 1),
    Op.multiply(mean(entropyB), -options.entropyCoef),
    Op.multiply(mean(Op.multiply(plain, 0.5)), options.vfCoef)
  ]
  return terms.reduce((total, term) => Op.add(total, term))
}

describe("With default settings", () => {
  it.effect("loss and gradient are bit for bit those of the first version", () =>
    Effect.gen(function* () {
      const options = { ...Table.gradientOptions, klLossCoef: 0, valueClip: 0 }
      for (let key = 0; key < 4; key++) {
        const entries = withoutTokens(Table.entriesOf(key)).map((entry) => ({
          ...entry,
          corrections: []
        }))
        const { loss, model } = graphOf(options, 3, entries.length)
        const first = firstLoss(model, entries.length + 3, options)
        const feeds = Table.feedsWith(model, entries, options)
        const [found, wanted] = yield* Effect.forEach([loss, first], (one) =>
          Numbers.run({ ...Numbers.slopesOf(one, weights), loss: Op.reshape(one, [1]) }, feeds)
        )
        assert.deepStrictEqual(found, wanted)
      }
    }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )
})
