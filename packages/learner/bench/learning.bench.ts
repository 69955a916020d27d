/**
 * How fast the small decoder learns and speaks, on work of the default run's size: `npm run bench -- learning`.
 * It says nothing of what is learnt.
 */
import { Seed } from "@dreamgym/domain"
import { Schedule, Session } from "@dreamgym/graph"
import { DecoderModel } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import { DecoderPolicy, PolicyGradient, Sft } from "../src/index.ts"
import { featureNames, rowsOf, textsOf, tokenizer, trainableOf } from "./workload.ts"

const threads = 2

/** The median wall time of `run` in milliseconds, after one run that compiles. */
const median = Effect.fn(function* <A, E, R>(times: number, run: Effect.Effect<A, E, R>) {
  yield* run
  const taken: Array<number> = []
  for (let i = 0; i < times; i++) {
    const began = performance.now()
    yield* run
    taken.push(performance.now() - began)
  }
  return taken.toSorted((a, b) => a - b)[times >> 1] ?? Number.NaN
})

/** One update of supervised fine-tuning: 64 rows of 48 to 64 and 16 to 24 tokens, compiling left out. */
const sft = Effect.gen(function* () {
  const trainable = trainableOf(false)
  const lengths = { prompt: [48, 64], read: [16, 24] } as const
  const examples = rowsOf(256, lengths, { choices: false, key: 1 }).map((row) => ({ row }))
  const taken: Array<number> = []
  let before = 0
  yield* Sft.fit(trainable, examples, {
    updates: 40,
    batchSize: 64,
    schedule: Schedule.constant(1e-3),
    muonFactor: 10,
    weightDecay: 0.05,
    maxGradNorm: 1,
    key: 1,
    onUpdate: () =>
      Effect.sync(() => {
        taken.push(performance.now() - before)
        before = performance.now()
        return true
      })
  })
  return taken.slice(20).toSorted((a, b) => a - b)[10] ?? Number.NaN
})

/** One epoch of PPO over 1024 decisions of 32 to 64 tokens, per minibatch of 256. */
const ppo = Effect.gen(function* () {
  const lengths = { prompt: [32, 64], read: [1, 2] } as const
  const decisions = rowsOf(1024, lengths, { choices: true, key: 2 }).map((row, i) => ({
    row,
    oldLogProbabilities: row.targetIds.map(() => -2 / row.targetIds.length),
    oldValue: 0,
    advantage: (i % 7) - 3,
    totalReturn: i % 2,
    temperature: 1
  }))
  const gradient = yield* PolicyGradient.make(DecoderPolicy.make(trainableOf(true)), {
    clipRatioLow: 0.2,
    clipRatioHigh: 0.2,
    valueClip: 0,
    vfCoef: 0.5,
    entropyCoef: 0.003,
    klLossCoef: 0,
    maxGradNorm: 1,
    lr: () => 1e-4,
    ppoEpochs: 1,
    miniBatchSize: 256,
    targetKl: 0,
    normalizeAdvantages: true,
    seed: 1
  })
  return (yield* median(5, gradient.update(decisions))) / 4
})

const modelOf = (hasValue: boolean) => {
  const { network, parameters } = trainableOf(hasValue)
  const version = Effect.succeed(0)
  return DecoderModel.make({
    name: "bench",
    network,
    parameters,
    featureNames,
    version,
    shards: threads
  })
}

/** A round of a dream: 128 replies of at most 24 tokens. */
const dream = Effect.gen(function* () {
  const model = yield* modelOf(false)
  const words = tokenizer.vocabulary
  const once = words.slice(60, 120)
  const prompts = textsOf(128, [40, 64], 3).map((text, i) => ({
    text,
    key: Seed.key(1, "dream", i),
    maxTokens: 24,
    temperature: 1,
    minP: 0.03,
    forbidden: words.slice(20, 40),
    once
  }))
  return yield* median(7, model.generate(prompts))
})

/** A round of a policy: 128 actions of two tokens, each one of 30. */
const act = Effect.gen(function* () {
  const model = yield* modelOf(true)
  const allowed = textsOf(30, [2, 2], 5)
  const prompts = textsOf(128, [40, 64], 4).map((text, i) => ({
    text,
    key: Seed.key(1, "act", i),
    maxTokens: 8,
    temperature: 1,
    allowed
  }))
  return yield* median(9, model.generate(prompts))
})

const figure = (name: string, goal: number, value: number): Figure => ({
  name,
  unit: "ms",
  goal,
  higherIsBetter: false,
  value
})

const measure = Effect.gen(function* () {
  return [
    figure("supervised update of 64 rows", 60, yield* sft),
    figure("PPO minibatch of 256 decisions", 130, yield* ppo),
    figure("128 dreamt replies of 24 tokens", 100, yield* dream),
    figure("128 actions of two tokens", 30, yield* act)
  ]
})

const bench: Bench = () =>
  Effect.runPromise(
    measure.pipe(Effect.scoped, Effect.provide(Session.layer({ workers: threads })))
  )

export default bench
