/**
 * How far a long copy is, on stderr, a line at a time.
 * It counts and changes nothing.
 */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Output from "../Output.ts"

/** After so many the next line is due. */
const every = 10_000

export const counting = <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  what: string
): Stream.Stream<A, E, R> =>
  Stream.suspend(() => {
    let count = 0
    return Stream.tap(stream, () => {
      count++
      return count % every === 0
        ? Output.remark(`${ReportText.amount(count)} ${what}`)
        : Effect.void
    })
  })
