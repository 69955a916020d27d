/**
 * How fast a transformer speaks beside transformers.js with the same weights, and what it saves by
 * keeping its cache from turn to turn: `npm run bench -- decoding`.
 * Both sides have one thread and take turns; the figures are ratios of processor time, medians of pairs.
 */
import { Seed } from "@dreamgym/domain"
import { Parameters, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import { Transformer } from "../src/index.ts"
import * as Theirs from "./theirs.ts"

const { Config, Decoding, Network } = Transformer

const promptLength = 64
const newTokens = 192

const models = {
  "4.5M": { vocabularySize: 4096, hiddenSize: 256, intermediateSize: 768, layers: 4, heads: 4 },
  "1.05M": { vocabularySize: 1500, hiddenSize: 128, intermediateSize: 384, layers: 4, heads: 4 }
}

const milliseconds = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** The processor time of an effect beside its result. */
const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = milliseconds()
    const result = yield* work
    return { result, taken: milliseconds() - began }
  })

const median = (list: ReadonlyArray<number>) =>
  list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

/** The median of what `theirs` takes over what `ours` takes, in turns, after one of each. */
const ratio = Effect.fn(function* <E, R>(
  pairs: number,
  ours: Effect.Effect<unknown, E, R>,
  theirs: Effect.Effect<unknown, E, R>
) {
  yield* ours
  yield* theirs
  const taken = { ours: new Array<number>(), theirs: new Array<number>() }
  for (let pair = 0; pair < pairs; pair++) {
    taken.ours.push((yield* timed(ours)).taken)
    taken.theirs.push((yield* timed(theirs)).taken)
  }
  const ratios = taken.ours.map((mine, pair) => (taken.theirs[pair] ?? Number.NaN) / mine)
  return { ratio: median(ratios), ours: median(taken.ours), theirs: median(taken.theirs) }
})

const setting = Effect.fn(function* (model: keyof typeof models) {
  const config = Result.getOrThrow(
    Config.make({ ...models[model], maxPositions: 2048, tieEmbeddings: true })
  )
  const parameters = Parameters.make(Network.specifications(config), Seed.generator(1))
  return { config, parameters, decoding: yield* Decoding.make({ config, parameters }) }
})

const promptsOf = (count: number, length: number, size: number) => {
  const random = Seed.generator(Seed.key(1, "prompts", count))
  return Array.from({ length: count }, () => Array.from({ length }, () => Seed.below(random, size)))
}

const greedy = { temperature: 0 }

const figure = (
  name: string,
  unit: string,
  goal: number,
  { value, against }: { readonly value: number; readonly against?: string }
): Figure => ({ name, unit, goal, higherIsBetter: true, value, ...(against && { against }) })

/** Tokens per second of processor time at one batch size, and their ratio. */
const beside = Effect.fn(function* (
  model: keyof typeof models,
  batch: number,
  { goal, pairs }: { readonly goal: number; readonly pairs: number }
) {
  const { config, decoding, parameters } = yield* setting(model)
  const generate = yield* Theirs.load(config, parameters)
  const prompts = promptsOf(batch, promptLength, config.vocabularySize)
  const all = Effect.forEach(
    prompts,
    (prompt, key) => decoding.generate({ prompt, key, maxTokens: newTokens, sampling: greedy }),
    { concurrency: "unbounded" }
  )
  const found = yield* ratio(
    pairs,
    all,
    Effect.promise(() => generate(prompts, newTokens))
  )
  const speed = (taken: number) => Math.round((batch * newTokens * 1000) / taken)
  const against = `transformers.js generate(), ${speed(found.theirs)} tokens/s`
  return [
    figure(`${model}, batch ${batch}: beside transformers.js`, "x", goal, {
      value: found.ratio,
      against
    }),
    figure(`${model}, batch ${batch}`, "tokens/s", 0, { value: speed(found.ours) })
  ]
}, Effect.scoped)

const turns = 32
const perTurn = { heard: 24, said: 12 }

/** 8 conversations of 32 turns that keep their cache, beside the same that read all anew. */
const episodes = Effect.fn(function* (pairs: number) {
  const { config, decoding } = yield* setting("4.5M")
  const request = (key: number, turn: number) => ({
    key: Seed.key(key, "turn", turn),
    maxTokens: perTurn.said
  })
  const heard = promptsOf(8 * turns, perTurn.heard, config.vocabularySize)
  const at = (key: number, turn: number) => heard[key * turns + turn] ?? []
  const episode = (key: number, isKept: boolean) =>
    Effect.gen(function* () {
      const { generate, ids } = yield* decoding.conversation
      const history: Array<number> = []
      for (let turn = 0; turn < turns; turn++) {
        const append = at(key, turn)
        history.push(...append)
        const said = isKept
          ? yield* generate({ ...request(key, turn), append })
          : yield* decoding.generate({ ...request(key, turn), prompt: history })
        history.push(...said.ids)
      }
      return ids()
    }).pipe(Effect.scoped)
  const all = (isKept: boolean) =>
    Effect.forEach([...new Array(8).keys()], (key) => episode(key, isKept), {
      concurrency: "unbounded"
    })
  const found = yield* ratio(pairs, all(true), all(false))
  return [
    figure("episodes of 32 turns, 24 tokens heard and 12 said", "x", 5, {
      value: found.ratio,
      against: `the same decoding, each turn reading all anew, ${Math.round(found.theirs)} ms`
    })
  ]
}, Effect.scoped)

/** Ratios asked for are of the 4.5M model; those of the small one are for comparison. */
const measure = Effect.gen(function* () {
  return [
    ...(yield* beside("4.5M", 1, { goal: 1.3, pairs: 5 })),
    ...(yield* beside("4.5M", 16, { goal: 3, pairs: 5 })),
    ...(yield* beside("4.5M", 64, { goal: 3, pairs: 5 })),
    ...(yield* beside("1.05M", 1, { goal: 1.3, pairs: 5 })),
    ...(yield* beside("1.05M", 16, { goal: 3, pairs: 5 })),
    ...(yield* episodes(5))
  ]
})

const bench: Bench = () =>
  Effect.runPromise(measure.pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 }))))

export default bench

export { beside, episodes }
