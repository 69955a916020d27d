import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Transformer } from "../../src/index.ts"
import { configOf } from "./small.ts"

const { Model } = Transformer

const config = configOf({ hasValue: true })

describe("a transformer that is trained", () => {
  it("begins the same from the same key, and otherwise from another", () => {
    const arraysOf = (key: number) => ({ ...Model.make(config, key).parameters.arrays })
    assert.deepStrictEqual(arraysOf(1), arraysOf(1))
    assert.notDeepEqual(arraysOf(1), arraysOf(2))
  })

  it.effect("is read from a checkpoint in place, as it was", () =>
    Effect.gen(function* () {
      const model = Model.make(config, 1)
      model.version = 7
      const twin = Model.copy(model)
      const bytes = Model.encode(model)
      for (const array of Object.values(model.parameters.arrays)) array.fill(0)
      const memory = twin.parameters.arrays["model.norm.weight"]
      twin.version = 0
      yield* Model.decodeInto(model, bytes, "checkpoint")
      assert.strictEqual(model.version, 7)
      assert.deepStrictEqual({ ...model.parameters.arrays }, { ...twin.parameters.arrays })
      yield* Model.decodeInto(twin, bytes, "checkpoint")
      assert.strictEqual(twin.parameters.arrays["model.norm.weight"], memory)
    })
  )

  it.effect("stays as it is where a checkpoint is torn or another network's", () =>
    Effect.gen(function* () {
      const model = Model.make(config, 1)
      const before = Model.copy(model)
      const refusal = (bytes: Uint8Array) =>
        Effect.flip(Model.decodeInto(model, bytes, "checkpoint"))
      const bytes = Model.encode(Model.make(config, 2))
      assert.deepInclude(yield* refusal(bytes.subarray(0, -1)), {
        reason: "TornTensor",
        file: "checkpoint"
      })
      const other = Model.encode(Model.make(configOf({ layers: 1, hasValue: true }), 2))
      assert.deepInclude(yield* refusal(other), {
        reason: "Missing",
        parameter: "model.layers.1.input_layernorm.weight"
      })
      assert.deepStrictEqual(model, before)
    })
  )
})
