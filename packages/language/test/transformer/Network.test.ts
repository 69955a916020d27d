import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import { Gradient, Interpreter, Op, Parameters, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Transformer } from "../../src/index.ts"
import * as Plain from "./plain.ts"
import { configOf, difference, ids, idsOf, inputsOf, noisy, readings, relatives } from "./small.ts"

const int64 = (values: ReadonlyArray<number>) => BigInt64Array.from(values, BigInt)

describe("the network of", () => {
  for (const [name, config] of Object.entries(relatives)) {
    it.effect(`${name} computes what transformers' own code says, on ONNX Runtime too`, () =>
      Effect.gen(function* () {
        const parameters = noisy(config)
        const texts = [idsOf(config, 7, 1), idsOf(config, 7, 2)]
        const graph = readings(config, { ids: ids(2, 7) })
        const feeds = { ...parameters.arrays, ids: int64(texts.flat()) }
        const expected = texts.map((text) => Plain.forward(config, parameters.arrays, text))
        const exact = Interpreter.evaluate(graph, feeds)
        const pool = yield* Session.SessionPool
        const session = yield* pool.compile(graph)
        const run = yield* session.run(feeds)
        const logits = expected.flatMap((one) => one.logits.flat())
        assert.isBelow(difference(exact["logits"] ?? [], logits), 1e-9)
        assert.isBelow(difference(run["logits"] ?? [], logits), 2e-6)
        if (config.hasValue)
          assert.isBelow(
            difference(
              exact["values"] ?? [],
              expected.flatMap((one) => one.values)
            ),
            1e-9
          )
      }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
    )
  }

  it("texts that are packed or padded reads each as if it were alone", () => {
    const config = configOf({ heads: 4, keyValueHeads: 2, family: "qwen2" })
    const parameters = noisy(config)
    const lengths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(lengths, fc.nat(3), fc.nat(3), (of, before, after) => {
        const texts = of.map((length, index) => idsOf(config, length, index))
        const length = before + after + texts.flat().length
        const padded = (values: ReadonlyArray<number>) =>
          int64([...new Array<number>(before).fill(0), ...values, ...new Array(after).fill(0)])
        const batch = {
          ids: ids(1, length),
          positions: Op.input("positions", [1, length], "int64"),
          segments: Op.input("segments", [1, length], "int64")
        }
        const { logits } = Interpreter.evaluate(
          { logits: readings(config, batch)["logits"] ?? Op.constant(0) },
          {
            ...parameters.arrays,
            ids: padded(texts.flat()),
            positions: padded(texts.flatMap((text) => [...text.keys()])),
            segments: padded(texts.flatMap((text, index) => text.map(() => index + 1)))
          }
        )
        const width = config.vocabularySize
        const found = logits.slice(before * width, (length - after) * width)
        const alone = texts.flatMap((text) =>
          Plain.forward(config, parameters.arrays, text).logits.flat()
        )
        return difference(found, alone) < 1e-9
      }),
      { numRuns: 15 }
    )
  })

  it("a later token changes nothing before it", () => {
    const config = configOf()
    const parameters = noisy(config)
    const graph = readings(config, { ids: ids(1, 5) })
    const read = (text: ReadonlyArray<number>) =>
      Interpreter.evaluate(graph, { ...parameters.arrays, ids: int64(text) })["logits"] ?? []
    const before = 3 * config.vocabularySize
    const [left, right] = [read([1, 2, 3, 4, 5]), read([1, 2, 3, 9, 8])]
    assert.deepStrictEqual(left.slice(0, before), right.slice(0, before))
    assert.notDeepEqual(left.slice(before), right.slice(before))
  })

  it("has gradients that finite differences find too, in every tensor of every relative", () => {
    for (const config of Object.values(relatives)) {
      const parameters = noisy(config, 3, 0.4)
      const weights = inputsOf(config)
      const states = Transformer.Network.hidden(config, weights, { ids: ids(1, 4) })
      const chosen = Transformer.Network.select(states, Op.input("rows", [2], "int64"))
      const scores = Transformer.Network.logits(config, weights, chosen)
      const critic = config.hasValue
        ? Op.sum(Op.square(Transformer.Network.values(config, weights, states)))
        : Op.constant(0)
      const loss = Op.subtract(
        critic,
        Op.sum(Op.pick(Op.logSoftmax(scores), Op.constant([2, 5], [2], "int64")))
      )
      const names = Object.keys(weights)
      const slopes = Gradient.gradients(loss, Object.values(weights))
      const own = { ids: int64(idsOf(config, 4, 5)), rows: int64([1, 3]) }
      const start = Object.fromEntries(
        Object.entries(parameters.arrays).map(([name, array]) => [name, Float64Array.from(array)])
      )
      const found = Interpreter.evaluate(
        Object.fromEntries(slopes.map((slope, index) => [names[index] ?? "", slope])),
        { ...start, ...own }
      )
      const lossAt = (name: string, index: number, by: number) => {
        const moved = Float64Array.from(start[name] ?? [])
        moved[index] = (moved[index] ?? 0) + by
        return Interpreter.evaluate({ loss }, { ...start, ...own, [name]: moved }).loss[0] ?? 0
      }
      const random = Seed.generator(7)
      for (const name of names) {
        const index = Seed.below(random, found[name]?.length ?? 1)
        const slope = (lossAt(name, index, 1e-5) - lossAt(name, index, -1e-5)) / 2e-5
        assert.closeTo(
          found[name]?.[index] ?? Number.NaN,
          slope,
          1e-6 * Math.max(1, Math.abs(slope)),
          name
        )
      }
    }
  })

  it("begins near a uniform guess, with smaller weights where layers write to the residual stream", () => {
    const config = configOf({ vocabularySize: 50, hiddenSize: 64, heads: 4, headDimension: 16 })
    const specifications = Transformer.Network.specifications(config)
    const { arrays } = Parameters.make(specifications, Seed.generator(1))
    const deviation = (name: string) => {
      const array = arrays[name] ?? new Float32Array(1)
      return Math.sqrt(array.reduce((sum, x) => sum + x * x, 0) / array.length)
    }
    assert.closeTo(deviation("model.layers.0.self_attn.q_proj.weight"), 0.02, 0.001)
    assert.closeTo(deviation("model.layers.1.self_attn.o_proj.weight"), 0.01, 0.001)
    assert.closeTo(deviation("model.layers.1.mlp.down_proj.weight"), 0.01, 0.001)
    assert.strictEqual(deviation("model.norm.weight"), 1)
  })

  it("names the parameter that is missing", () => {
    const { "model.norm.weight": _, ...rest } = inputsOf(configOf())
    assert.throws(
      () => Transformer.Network.hidden(configOf(), rest, { ids: ids(1, 2) }),
      /there is no parameter model\.norm\.weight/
    )
  })

  it("costs what its tensors say", () => {
    const config = configOf({ vocabularySize: 100, hiddenSize: 8, heads: 2, headDimension: 4 })
    const layer = 4 * 8 * 8 + 3 * 8 * 20 + 2 * 8
    assert.strictEqual(Transformer.Cost.parameters(config), 100 * 8 + 2 * layer + 8)
    assert.strictEqual(
      Transformer.Cost.forward(config, 10),
      2 * (2 * (layer - 16) + 800) + 2 * 4 * 8 * 10
    )
    assert.strictEqual(Transformer.Cost.cacheBytes(config), 2 * 2 * 8 * 4)
    assert.deepStrictEqual(
      Transformer.Network.linearNames(configOf({ layers: 1, tieEmbeddings: false })),
      [
        ...["q", "k", "v", "o"].map((one) => `model.layers.0.self_attn.${one}_proj`),
        ...["gate", "up", "down"].map((one) => `model.layers.0.mlp.${one}_proj`),
        "lm_head"
      ]
    )
  })
})
