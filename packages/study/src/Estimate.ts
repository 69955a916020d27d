/**
 * How long a unit takes, about: from what it plans, at the pace of one machine.
 * It is for a first look and for the time left, which corrects it by what finished units took; no result rests on it.
 */
import type { Config } from "@dreamgym/pipeline/Config"
import * as Plan from "@dreamgym/pipeline/Plan"

/** Seconds per update, and per transition that an episode may have at most: two cores, the default run (README.md). */
const pace = { fit: 0.053, clone: 0.033, dreamt: 0.000_95, real: 0.000_47, start: 3 }

/** What a unit takes over from another, that one's preparation or its dreams as well, and what is then left to do. */
export type Taken = "nothing" | "preparation" | "dreams"

const isLeft: Readonly<Record<Taken, (step: Plan.Step) => boolean>> = {
  nothing: () => true,
  preparation: ({ phase }) => !prepared.includes(phase),
  dreams: ({ isReal, phase }) => !prepared.includes(phase) && isReal
}

const prepared = ["collect", "fit", "clone", "calibrate"]

/** Seconds. */
export const seconds = (config: Config, taken: Taken): number =>
  Plan.plan(config)
    .filter(isLeft[taken])
    .reduce((sum, step) => sum + secondsOf(step), pace.start)

const secondsOf = ({ isReal, phase, transitions, updates }: Plan.Step): number => {
  if (phase === "fit") return updates * pace.fit
  if (phase === "clone") return updates * pace.clone
  if (phase === "collect") return transitions * pace.real * 0.4
  return transitions * (isReal ? pace.real : pace.dreamt)
}
