/**
 * A trajectory as a list of moments: each transition with the history before and after it.
 * It judges nothing.
 */
import { History, type Trajectory } from "@dreamgym/domain"
import type { Form } from "./Format.ts"

export interface Moment {
  readonly before: History.History
  readonly transition: Trajectory.Transition
  readonly after: History.History
}

/** In order of time. Histories share their tails, so a fold over all of them costs one update per transition. */
export const moments = (trajectory: Trajectory.Trajectory): ReadonlyArray<Moment> => {
  let before = History.start(trajectory.firstObservation)
  return trajectory.transitions.map((transition) => {
    const after = History.append(before, transition.action.text, transition.nextObservation)
    const moment = { before, transition, after }
    before = after
    return moment
  })
}

/** The whole history of a trajectory. */
export const wholeHistory = (trajectory: Trajectory.Trajectory): History.History =>
  moments(trajectory).at(-1)?.after ?? History.start(trajectory.firstObservation)

/**
 * What the experience model is shown of a history: all of it, or without `history` the first observation and the last turn alone, as
 * if nothing had happened between them.
 */
export const shown = (
  history: History.History,
  { history: isWhole = true }: Pick<Form, "history">
): History.History =>
  isWhole || history.turn === undefined ? history : History.fromTurns(history.first, [history.turn])
