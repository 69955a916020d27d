import { assert, describe, it } from "@effect/vitest"
import { Gradient, Optimizer, Session, TrainStep, Value } from "@dreamgym/graph"
import { Effect, Record } from "effect"
import { Transformer } from "../../src/index.ts"
import { adaptersOf, lora, lossOf, reading, text } from "./adapters.ts"
import { configOf, difference, inputsOf, noisy } from "./small.ts"

const { Network, Quantised } = Transformer

describe("a base in four bits", () => {
  const wide = configOf({
    family: "qwen2",
    hiddenSize: 64,
    intermediateSize: 96,
    heads: 4,
    keyValueHeads: 2,
    headDimension: 16,
    hasValue: true
  })
  const base = noisy(wide, 1, 0.2)
  const quantised = Quantised.quantise(wide, base)
  const numbers = Quantised.dequantise(wide, quantised)

  it("is an eighth of the size and near the numbers that it was", () => {
    const { float32, packed } = Quantised.bytes(quantised)
    assert.closeTo(packed / float32, (0.5 + 4 / 32) / 4, 1e-9)
    assert.strictEqual(Quantised.layersOf(wide).length, 14)
    for (const [name, array] of Object.entries(base.arrays)) {
      const isPacked = Quantised.layersOf(wide).includes(name.replace(".weight", ""))
      const off = difference(numbers.arrays[name] ?? [], array)
      if (isPacked) assert.isBelow(off, 0.13, name)
      assert.strictEqual(off > 0, isPacked, name)
    }
  })

  it("leaves layers of an odd width as they are", () => {
    const odd = configOf({ hiddenSize: 64, intermediateSize: 40 })
    assert.isFalse(Quantised.layersOf(odd).some((name) => name.endsWith("down_proj")))
    const kept = Quantised.quantise(odd, noisy(odd)).parameters.arrays
    assert.isDefined(kept["model.layers.0.mlp.down_proj.weight"])
    assert.isUndefined(kept["model.layers.0.mlp.up_proj.weight"])
  })

  it.effect("gives adapters the gradients that its numbers would give them", () =>
    Effect.gen(function* () {
      const adapters = adaptersOf(wide, lora, 0.3).arrays
      const graphOf = (packs: boolean): { readonly [name: string]: Value.Value } => {
        const all = inputsOf(wide)
        const weights = packs ? { ...all, ...Quantised.inputs(wide) } : all
        const linear = packs
          ? Quantised.linear(weights, Network.plain(weights))
          : Network.plain(weights)
        const { adapters: inputs, logits } = reading(wide, lora, weights, linear)
        const loss = lossOf(logits)
        // The embedding's gradient has come through every packed layer to the network's input.
        const embedding = "model.embed_tokens.weight"
        const wanted = { ...inputs, [embedding]: weights[embedding] ?? loss }
        const slopes = Gradient.gradients(loss, Object.values(wanted))
        const names = Object.keys(wanted)
        return {
          loss,
          ...Object.fromEntries(slopes.map((slope, index) => [`slope of ${names[index]}`, slope]))
        }
      }
      const pool = yield* Session.SessionPool
      const run = (packs: boolean, all: Session.Feeds) =>
        Effect.gen(function* () {
          const session = yield* pool.compile(graphOf(packs))
          const feeds = { ...all, ...adapters, ids: text(wide) }
          return yield* session.run(
            Object.fromEntries(Object.entries(feeds).filter(([name]) => name in session.inputs))
          )
        })
      const found = yield* run(true, Quantised.feeds(quantised))
      const expected = yield* run(false, numbers.arrays)
      assert.strictEqual(Object.keys(found).length, 1 + 1 + 2 * 3 * 2)
      for (const [name, array] of Object.entries(expected))
        assert.isBelow(difference(found[name] ?? [], array), 1e-5, name)
    }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
  )

  it.effect("is learnt around by adapters, and stays to the last bit", () =>
    Effect.gen(function* () {
      const weights = { ...inputsOf(wide), ...Quantised.inputs(wide) }
      const packs = Quantised.linear(weights, Network.plain(weights))
      const { adapters, logits } = reading(wide, lora, weights, packs)
      const optimizer = Optimizer.adamW()
      const step = yield* TrainStep.make(
        { loss: lossOf(logits), outputs: {}, parameters: adapters, optimizer },
        TrainStep.begin(adaptersOf(wide), optimizer)
      )
      const used = new Set(Value.inputsOf([logits]).map((input) => input.attributes.name))
      const feeds = Record.filter(Quantised.feeds(quantised), (_, name) => used.has(name))
      const before = Quantised.quantise(wide, base).packed
      const losses = []
      for (let update = 0; update < 12; update++)
        losses.push((yield* step({ ...feeds, ids: text(wide) }, 0.02)).loss)
      assert.isBelow((losses.at(-1) ?? 0) / (losses[0] ?? 1), 0.8)
      assert.deepStrictEqual(quantised.packed, before)
    }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })))
  )
})
