import { assert, describe, it } from "@effect/vitest"
import { Gradient, Interpreter, Optimizer, Parameters, Session, TrainStep } from "@dreamgym/graph"
import { Effect, Result } from "effect"
import * as fc from "fast-check"
import { Transformer } from "../../src/index.ts"
import { adaptersOf, config, lora, lossOf, reading, text } from "./adapters.ts"
import { configOf, difference, ids, inputsOf, noisy } from "./small.ts"

const { Lora, Network } = Transformer

describe("adapters", () => {
  it("change nothing at first", () => {
    const base = noisy(config)
    const weights = inputsOf(config)
    const feeds = { ...base.arrays, ids: text(config) }
    const { logits } = reading(config, lora, weights, Network.plain(weights))
    const own = Interpreter.evaluate({ logits }, { ...feeds, ...adaptersOf().arrays })
    const states = Network.hidden(config, weights, { ids: ids(2, 5) })
    const plain = Interpreter.evaluate({ logits: Network.logits(config, weights, states) }, feeds)
    assert.deepStrictEqual(own.logits, plain.logits)
  })

  it("count alpha over the rank, or over its root", () => {
    const settings = { rank: 4, alpha: 12, targets: [] }
    assert.strictEqual(Lora.scaleOf(settings), 3)
    assert.strictEqual(Lora.scaleOf({ ...settings, isRankStabilised: true }), 6)
  })

  it("of any size say the same merged as beside the base, and leave it unmerged", () => {
    const untied = { ...config, tieEmbeddings: false }
    const settingsOf = fc.record({
      rank: fc.integer({ min: 1, max: 5 }),
      alpha: fc.integer({ min: 4, max: 16 }),
      targets: fc.subarray([...Lora.everyLayer(untied), "lm_head"], { minLength: 1 }),
      isRankStabilised: fc.boolean()
    })
    const base = noisy(untied)
    const weights = inputsOf(untied)
    const feeds = { ...base.arrays, ids: text(untied) }
    const states = Network.hidden(untied, weights, { ids: ids(2, 5) })
    const plain = { logits: Network.logits(untied, weights, states) }
    fc.assert(
      fc.property(settingsOf, (settings) => {
        const adapters = adaptersOf(untied, settings, 0.8)
        const { logits } = reading(untied, settings, weights, Network.plain(weights))
        const beside = Interpreter.evaluate({ logits }, { ...feeds, ...adapters.arrays }).logits
        const merged = Lora.merge(settings, base, adapters)
        const inside = Interpreter.evaluate(plain, { ...feeds, ...merged.arrays }).logits
        assert.isBelow(difference(inside, beside), 1e-5)
        assert.isAbove(difference(Interpreter.evaluate(plain, feeds).logits, beside), 1e-4)
        const back = Lora.unmerge(settings, merged, adapters)
        for (const [name, array] of Object.entries(base.arrays))
          assert.isBelow(difference(back.arrays[name] ?? [], array), 1e-5, name)
      }),
      { numRuns: 15 }
    )
  })

  it("have the gradients that finite differences find", () => {
    const base = noisy(config, 1, 0.4)
    const weights = inputsOf(config)
    const { adapters, logits } = reading(config, lora, weights, Network.plain(weights))
    const loss = lossOf(logits)
    const names = Object.keys(adapters)
    const slopes = Gradient.gradients(loss, Object.values(adapters))
    const arrays = adaptersOf(config, lora, 0.8).arrays
    const feeds = { ...base.arrays, ids: text(config) }
    const found = Interpreter.evaluate(
      Object.fromEntries(slopes.map((slope, index) => [names[index] ?? "", slope])),
      { ...feeds, ...arrays }
    )
    const lossAt = (name: string, by: number) => {
      const moved = Float64Array.from(arrays[name] ?? [])
      moved[2] = (moved[2] ?? 0) + by
      return Interpreter.evaluate({ loss }, { ...feeds, ...arrays, [name]: moved }).loss[0] ?? 0
    }
    assert.strictEqual(names.length, 2 * 3 * config.layers)
    for (const name of names) {
      const slope = (lossAt(name, 1e-5) - lossAt(name, -1e-5)) / 2e-5
      assert.closeTo(
        found[name]?.[2] ?? Number.NaN,
        slope,
        1e-6 * Math.max(1, Math.abs(slope)),
        name
      )
    }
  })

  it.effect("are trained alone: the base stays to the last bit", () =>
    Effect.gen(function* () {
      const base = noisy(config)
      const before = Parameters.copy(base)
      const weights = inputsOf(config)
      const { adapters, logits } = reading(config, lora, weights, Network.plain(weights))
      const parameters = adaptersOf()
      const optimizer = Optimizer.adamW()
      const step = yield* TrainStep.make(
        { loss: lossOf(logits), outputs: {}, parameters: adapters, optimizer },
        TrainStep.begin(parameters, optimizer)
      )
      const feeds = { ...base.arrays, ids: text(config) }
      const losses = []
      for (let update = 0; update < 12; update++) losses.push((yield* step(feeds, 0.02)).loss)
      assert.isBelow((losses.at(-1) ?? 0) / (losses[0] ?? 1), 0.8)
      assert.deepStrictEqual({ ...base.arrays }, { ...before.arrays })
    }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
  )

  it("are refused where the network has no such layer", () => {
    const refusal = (settings: Partial<Transformer.Lora.Lora>) => {
      const read = Lora.checked(config, { ...lora, ...settings })
      return Result.isFailure(read) ? read.failure : undefined
    }
    assert.isUndefined(refusal({}))
    assert.deepInclude(refusal({ targets: ["q_proj", "qproj"] }), {
      reason: "NoTarget",
      message:
        "no linear layer is called qproj; there are " +
        "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"
    })
    assert.deepInclude(refusal({ targets: ["lm_head"] }), { reason: "NoTarget" })
    assert.deepInclude(refusal({ targets: [] }), { reason: "NoTarget" })
    assert.deepInclude(refusal({ rank: 0 }), { reason: "BadRank" })
    assert.throws(() => Lora.merge(lora, noisy(configOf({ layers: 1 })), adaptersOf()), /no layer/)
  })
})
