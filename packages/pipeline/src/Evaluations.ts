/**
 * Which evaluations of a run say what it came to, and which are points of its curves, as a pure fold of its events.
 * How they are made is the business of `Evaluate` and `Curve`.
 */
import type { RunEvent } from "@dreamgym/domain"

export type Evaluated = Extract<RunEvent.RunEvent, { readonly _tag: "EvaluatedPolicy" }>

/** `final`: those that say what the run came to; `curve`: those of policies that still had to learn. Both in the order of events. */
export interface Evaluations {
  readonly final: ReadonlyArray<Evaluated>
  readonly curve: ReadonlyArray<Evaluated>
}

/** What the fold remembers: the phase that goes on, and the greatest iteration of a final evaluation. */
export interface Place {
  readonly phase?: RunEvent.Phase
  readonly evaluatedAt: number
}

export const start: Place = { evaluatedAt: 0 }

/** What is evaluated while a run dreams is a point of its curve; so is, later, the baseline before its last iteration. */
export const isOfCurve = ({ evaluatedAt, phase }: Place, { iteration }: Evaluated): boolean =>
  phase === "dream" || iteration < evaluatedAt

export const next = (place: Place, event: RunEvent.RunEvent): Place => {
  if (event._tag === "PhaseStarted") return { ...place, phase: event.phase }
  if (event._tag === "PhaseFinished") return { evaluatedAt: place.evaluatedAt }
  return event._tag === "EvaluatedPolicy" && !isOfCurve(place, event)
    ? { ...place, evaluatedAt: event.iteration }
    : place
}

export const evaluationsOf = (events: ReadonlyArray<RunEvent.RunEvent>): Evaluations => {
  const final: Array<Evaluated> = []
  const curve: Array<Evaluated> = []
  let place = start
  for (const event of events) {
    if (event._tag === "EvaluatedPolicy") (isOfCurve(place, event) ? curve : final).push(event)
    place = next(place, event)
  }
  return { final, curve }
}
