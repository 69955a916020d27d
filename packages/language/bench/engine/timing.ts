/**
 * How the parts of the engine's benchmark time things: on the wall, in turns, by medians of pairs.
 * It knows nothing of what it times.
 */
import * as Effect from "effect/Effect"
import { type Figure, machine, table } from "../../../../scripts/figures.ts"

/** The middle one; the higher of the two middle ones of an even number. */
export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** The milliseconds that an effect takes, beside its result. */
export const timed = <A, E, R>(run: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    const result = yield* run
    return { result, milliseconds: performance.now() - start }
  })

/** Medians of pairs: milliseconds of both sides, and the ratio, above 1 where ours is faster. */
export interface Compared {
  readonly ratio: number
  readonly ours: number
  readonly theirs: number
}

/** The medians of what both sides took, turn by turn. */
export const compared = (ours: ReadonlyArray<number>, theirs: ReadonlyArray<number>): Compared => {
  const ratios = ours.map((one, at) => (theirs[at] ?? Number.NaN) / one)
  return { ratio: median(ratios), ours: median(ours), theirs: median(theirs) }
}

/** Two sides in turns, `pairs` of each; both have run once before, to be warm. */
export const inTurns = Effect.fnUntraced(function* <E, R>(
  pairs: number,
  ours: Effect.Effect<unknown, E, R>,
  theirs: Effect.Effect<unknown, E, R>
) {
  const taken = { ours: new Array<number>(), theirs: new Array<number>() }
  for (let pair = 0; pair < pairs; pair++) {
    taken.ours.push((yield* timed(ours)).milliseconds)
    taken.theirs.push((yield* timed(theirs)).milliseconds)
  }
  return compared(taken.ours, taken.theirs)
})

/** Takes the figures of one part and prints them as the whole area is printed. */
export const printed = async (
  part: string,
  figures: Effect.Effect<ReadonlyArray<Figure>>
): Promise<void> => {
  const taken = await Effect.runPromise(figures)
  const date = new Date().toISOString()
  console.log(table({ area: `engine, ${part}`, machine: machine(), date, figures: taken }))
}
