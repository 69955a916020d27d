/**
 * Retrieval among 10,000 transitions: time to embed them, and queries per second, one by one and side by side.
 * The texts are made up, of the size of a household's: about 30 words of state, 4 of action.
 */
import { ReplayBuffer, Seed, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { ReplayBuffer as Buffers } from "../src/index.ts"

const random = Seed.generator(1)
const word = () => `word${Math.floor(random() ** 2 * 400)}`
const words = (count: number) => Array.from({ length: count }, word).join(" ")

const trajectoryOf = (i: number): Trajectory.Trajectory => ({
  id: `t${i}`,
  task: {
    id: `task${i}`,
    environment: "bench",
    instruction: words(8),
    seed: i,
    payload: null,
    origin: Task.original
  },
  firstObservation: words(30),
  transitions: Array.from({ length: 20 }, () => ({
    observation: words(30),
    action: { text: words(4) },
    reward: 0,
    nextObservation: words(30),
    provenance: { _tag: "Real", environment: "bench", version: "1" }
  })),
  ending: { _tag: "Truncated", reason: "StepLimit" },
  policy: "bench",
  policyVersion: -1
})

const queries = Array.from({ length: 1000 }, () => ({ state: words(30), action: words(4), k: 4 }))

const seconds = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = performance.now()
    yield* effect
    return (performance.now() - before) / 1000
  })

const main = Effect.gen(function* () {
  const buffer = yield* ReplayBuffer.ReplayBuffer
  const trajectories = Array.from({ length: 500 }, (_, i) => trajectoryOf(i))
  console.log("add 10,000 transitions, s", yield* seconds(buffer.add(trajectories)))
  const [first] = queries
  if (first === undefined) return
  console.log("first query (embeds all), s", yield* seconds(buffer.similar(first)))
  for (const concurrency of [1, 128]) {
    const all = Effect.forEach(queries, buffer.similar, { concurrency, discard: true })
    yield* all
    console.log(`queries/s at concurrency ${concurrency}`, queries.length / (yield* seconds(all)))
  }
  yield* buffer.add([trajectoryOf(501)])
  console.log("first query after an addition, s", yield* seconds(buffer.similar(first)))
  const request = { count: 256, realFraction: 0.5, key: 1 }
  console.log("sample of 256, s", yield* seconds(buffer.sample(request)))
})

await Effect.runPromise(Effect.provide(main, Buffers.layerMemory()))
