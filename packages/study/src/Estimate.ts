/**
 * How long a unit takes, about: from what it plans, at the pace of one machine.
 * It is for a first look and for the time left, which corrects it by what finished units took; no result rests on it.
 */
import type { Config } from "@dreamgym/pipeline/Config"
import * as Plan from "@dreamgym/pipeline/Plan"

/** Seconds per update, and per transition that an episode may have at most: two cores, the default run (README.md). */
const pace = { fit: 0.053, clone: 0.033, dreamt: 0.000_95, real: 0.000_47, start: 3 }

/** What is taken over from another run costs nothing. */
const shared = ["collect", "fit", "clone"]

/** Seconds. `isShared`: the run starts from another one's data and models. */
export const seconds = (config: Config, isShared: boolean): number =>
  Plan.plan(config)
    .filter(({ phase }) => !isShared || !shared.includes(phase))
    .reduce((sum, step) => sum + secondsOf(step), pace.start)

const secondsOf = ({ isReal, phase, transitions, updates }: Plan.Step): number => {
  if (phase === "fit") return updates * pace.fit
  if (phase === "clone") return updates * pace.clone
  if (phase === "collect") return transitions * pace.real * 0.4
  return transitions * (isReal ? pace.real : pace.dreamt)
}
