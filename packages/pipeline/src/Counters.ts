/**
 * What a run had done by the end of an iteration, counted from its events.
 * It measures nothing itself.
 */
import type { RunEvent } from "@dreamgym/domain"
import { type Counters, noCounters } from "./CheckpointManifest.ts"

/** The sums over what was told of iterations up to `iteration`; `seconds` are those of the dream. */
export const countersOf = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  iteration: number,
  seconds: number
): Counters => {
  const counted = events.filter((event) => !("iteration" in event) || event.iteration <= iteration)
  return counted.reduce<Counters>(plus, { ...noCounters, seconds })
}

/** The real steps that the policy learnt from up to `iteration`, beside the offline ones. */
export const livedOf = (events: ReadonlyArray<RunEvent.RunEvent>, iteration: number): number =>
  events.reduce(
    (sum, event) =>
      event._tag === "LivedGroups" && event.iteration <= iteration ? sum + event.transitions : sum,
    0
  )

/** How many iterations there were; undefined where nothing is told of any. */
export const iterationsOf = (events: ReadonlyArray<RunEvent.RunEvent>): number | undefined =>
  events.findLast((event) => event._tag === "DreamtGroups" || event._tag === "LivedGroups")
    ?.iteration

const plus = (sum: Counters, event: RunEvent.RunEvent): Counters => {
  if (event._tag === "CollectedRealExperience") {
    return { ...sum, realTransitions: sum.realTransitions + event.transitions }
  }
  if (event._tag === "LivedGroups") {
    return { ...sum, realTransitions: sum.realTransitions + event.transitions }
  }
  if (event._tag === "UpdatedPolicy") return { ...sum, updates: sum.updates + 1 }
  if (event._tag !== "DreamtGroups") return sum
  return {
    ...sum,
    episodes: sum.episodes + event.trajectories,
    transitions: sum.transitions + event.transitions,
    tokens: sum.tokens + event.tokens
  }
}
