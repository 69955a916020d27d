/**
 * How fast a transformer speaks beside transformers.js with the same weights.
 * Both sides have one thread and take turns; that they say the same is checked before they are timed.
 */
import { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Figure } from "../../../../scripts/figures.ts"
import { fewMillion, type Size } from "./size.ts"
import { promptsOf, sayAll, speaking } from "./speaking.ts"
import { inTurns, printed } from "./timing.ts"
import * as TransformersJs from "./transformersJs.ts"

const promptLength = 64
const newTokens = 192

/** One batch size: its goal, and after how many pairs the median is taken. */
interface Wanted {
  readonly batch: number
  readonly goal: number
  readonly pairs: number
}

const wanted: ReadonlyArray<Wanted> = [
  { batch: 1, goal: 1.3, pairs: 9 },
  { batch: 16, goal: 3, pairs: 5 },
  { batch: 64, goal: 3, pairs: 5 }
]

/** The share of texts that agree to the end; rounding may part two candidates that are equally good. */
const slightest = 0.9

/** The share of texts that are the same, token for token. */
const agreement = (
  ours: ReadonlyArray<{ readonly ids: ReadonlyArray<number> }>,
  theirs: ReadonlyArray<ReadonlyArray<number>>
) => {
  const isSame = (ids: ReadonlyArray<number>, at: number) =>
    ids.length === newTokens && ids.every((id, place) => id === theirs[at]?.[place])
  return ours.filter(({ ids }, at) => isSame(ids, at)).length / ours.length
}

/** The ratio of times and our tokens per second, at one batch size. */
export const figuresOf = (size: Size, { batch, goal, pairs }: Wanted) =>
  Effect.gen(function* () {
    const { config, decoding, parameters } = yield* speaking(size)
    const generate = yield* TransformersJs.load(config, parameters)
    const prompts = promptsOf(batch, promptLength, config.vocabularySize)
    const ours = sayAll(decoding, prompts, newTokens)
    const theirs = Effect.promise(() => generate(prompts, newTokens))
    const same = agreement(yield* ours, yield* theirs)
    if (!(same >= slightest))
      return yield* Effect.die(`batch ${batch}: only ${same} of the texts are the same`)
    const found = yield* inTurns(pairs, ours, theirs)
    const speed = (milliseconds: number) => (batch * newTokens * 1000) / milliseconds
    const name = `decoding ${size.name}, batch ${batch}`
    const against = `transformers.js generate(), 1 thread each: ${speed(found.theirs).toFixed(0)} tokens/s`
    const figures: ReadonlyArray<Figure> = [
      { name, unit: "x", goal, higherIsBetter: true, against, value: found.ratio },
      {
        name: `${name}: speed`,
        unit: "tokens/s",
        goal: goal * speed(found.theirs),
        higherIsBetter: true,
        value: speed(found.ours)
      }
    ]
    return figures
  }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })), Effect.orDie)

/** All batch sizes, one after the other. */
export const figures = Effect.forEach(wanted, (one) => figuresOf(fewMillion, one)).pipe(
  Effect.map((all) => all.flat())
)

if (import.meta.main) await printed("decoding", figures)
