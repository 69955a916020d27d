/**
 * The rules that read the text of a dream again: is it whole, does it follow its format, does it hold together, is its reward earned?
 * What `Knowledge.audit` knows is task knowledge that the paper's method does not have; without it four of these rules are silent.
 */
import { Trajectory } from "@dreamgym/domain"
import { complaining, type Rule } from "./Rule.ts"

/** An episode that failed. The filter asks this first, whatever else it asks: a fault is never a lesson. */
export const fault: Rule = complaining("fault", "Fault", ({ trajectory: { ending } }) =>
  ending._tag === "Failed" ? `${ending.fault}: ${ending.message}` : undefined
)

export const empty: Rule = complaining("empty", "Empty", ({ trajectory }) =>
  trajectory.transitions.length === 0 ? "it has no transition" : undefined
)

/** More than `maxCharacters` (default 100,000) in all. */
export const tooLong = (maxCharacters = 100_000): Rule =>
  complaining("tooLong", "TooLong", ({ characters }) =>
    characters > maxCharacters
      ? `it has ${characters} characters; the bound is ${maxCharacters}`
      : undefined
  )

/** An observation that does not follow from its action. */
export const malformed: Rule = complaining("malformed", "Malformed", ({ audit }) =>
  audit?.malformed === undefined
    ? undefined
    : `this does not follow from its action: ${audit.malformed}`
)

/** The audit finds more than `maxContradictions` (default 0): an object in two places, an agent where it did not go. */
export const contradiction = (maxContradictions = 0): Rule =>
  complaining("contradiction", "Contradiction", ({ audit }) =>
    audit !== undefined && audit.contradictions > maxContradictions
      ? `the text contradicts itself: ${audit.contradictions} found, ${maxContradictions} allowed`
      : undefined
  )

/** A reward, and no success in the text. */
export const unearnedReward: Rule = complaining(
  "unearnedReward",
  "UnearnedReward",
  ({ audit, trajectory }) =>
    audit?.success === false && Trajectory.totalReward(trajectory) > 0
      ? "a reward was given, but the text does not show the task done"
      : undefined
)

/** Success in the text, and no reward at that moment. */
export const missedReward: Rule = complaining(
  "missedReward",
  "MissedReward",
  ({ audit, trajectory, wasDoneBefore }) =>
    wasDoneBefore || (audit?.success === true && Trajectory.totalReward(trajectory) <= 0)
      ? "the text shows the task done, but no reward was given then"
      : undefined
)

/** All of them but `fault`, in the order in which they are asked unless told otherwise. */
export const standard: ReadonlyArray<Rule> = [
  empty,
  tooLong(),
  malformed,
  contradiction(),
  unearnedReward,
  missedReward
]
