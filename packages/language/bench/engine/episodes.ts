/**
 * What an episode saves by keeping its cache from turn to turn, beside the same turns read all anew.
 * Both sides are our decoding; what they say is the same, which is checked before they are timed.
 */
import { Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Figure } from "../../../../scripts/figures.ts"
import { fewMillion } from "./size.ts"
import { promptsOf, speaking } from "./speaking.ts"
import { inTurns, printed } from "./timing.ts"

const together = 4
const turns = 32
const perTurn = { heard: 24, said: 12 }
const pairs = 5

type Speaking = Effect.Success<ReturnType<typeof speaking>>

/** The ids of a whole episode: in each turn some are heard, then some are said. */
const episode = (
  { decoding }: Speaking,
  heard: ReadonlyArray<ReadonlyArray<number>>,
  { key, isKept }: { readonly key: number; readonly isKept: boolean }
) =>
  Effect.gen(function* () {
    const { generate } = yield* decoding.conversation
    const history: Array<number> = []
    for (const [turn, append] of heard.entries()) {
      const request = { key: Seed.key(key, "turn", turn), maxTokens: perTurn.said }
      history.push(...append)
      const said = isKept
        ? yield* generate({ ...request, append })
        : yield* decoding.generate({ ...request, prompt: history })
      history.push(...said.ids)
    }
    return history
  }).pipe(Effect.scoped)

/** The ratio of times of all episodes, which go on side by side. */
export const figures: Effect.Effect<ReadonlyArray<Figure>> = Effect.gen(function* () {
  const model = yield* speaking(fewMillion)
  const heard = promptsOf(together * turns, perTurn.heard, model.config.vocabularySize)
  const all = (isKept: boolean) =>
    Effect.forEach(
      Array.from({ length: together }, (_, key) => key),
      (key) => episode(model, heard.slice(key * turns, (key + 1) * turns), { key, isKept }),
      { concurrency: "unbounded" }
    )
  const same = (yield* all(true)).join() === (yield* all(false)).join()
  if (!same) return yield* Effect.die("episodes that keep their cache say something else")
  const found = yield* inTurns(pairs, all(true), all(false))
  const tokens = together * turns * (perTurn.heard + perTurn.said)
  return [
    {
      name: `${together} episodes of ${turns} turns, ${perTurn.heard} tokens heard and ${perTurn.said} said`,
      unit: "x",
      goal: 5,
      higherIsBetter: true,
      value: found.ratio,
      against: `each turn read all anew: ${(found.theirs / 1000).toFixed(1)} s for ${tokens} tokens`
    }
  ]
}).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })), Effect.orDie)

if (import.meta.main) await printed("episodes", figures)
