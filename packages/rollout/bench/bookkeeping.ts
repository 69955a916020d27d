/** What a step costs beside policy and environment: 128 episodes of 15 steps in a toy world, microseconds per step. */
import { Lockstep, Policy } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { corridor, taskOf } from "../test/corridor.ts"
import { Rollout } from "../src/index.ts"

const tasks = Array.from({ length: 128 }, (_, i) => taskOf(`t${i}`))
const keys = tasks.map((_, i) => i)
const { call } = Lockstep.batched((requests: ReadonlyArray<string>) => Effect.succeed(requests))
const batched = Layer.succeed(Policy.Policy, {
  name: "batched",
  version: Effect.succeed(0),
  act: () => Effect.map(call("east"), (text) => ({ text }))
})
const plain = Layer.succeed(Policy.Policy, {
  name: "plain",
  version: Effect.succeed(0),
  act: () => Effect.succeed({ text: "east" })
})

const time = (layer: Layer.Layer<Policy.Policy>) =>
  Effect.gen(function* () {
    const run = Rollout.wave({ tasks, keys, stepLimit: 15 })
    for (let i = 0; i < 10; i++) yield* run
    const seconds: Array<number> = []
    for (let i = 0; i < 15; i++) {
      const before = performance.now()
      yield* run
      seconds.push(performance.now() - before)
    }
    const median = seconds.toSorted((a, b) => a - b)[7] ?? Number.NaN
    return (median * 1000) / (128 * 15)
  }).pipe(Effect.provide(Layer.merge(layer, corridor(100).layer)))

for (const [name, layer] of [
  ["plain policy", plain],
  ["policy batched in lock-step", batched]
] as const) {
  console.log(name, (await Effect.runPromise(time(layer))).toFixed(2), "us per step")
}
