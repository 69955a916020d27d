/**
 * The contract of the quality filter: which synthetic trajectories may teach.
 * A rejection carries its reason; it is not a punishment: a rejected trajectory is dropped, not given reward 0.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Trajectory } from "./Trajectory.ts"
import type { Verdict } from "./Verdict.ts"

export { Rejection, Verdict } from "./Verdict.ts"

export class QualityFilter extends Context.Service<
  QualityFilter,
  {
    readonly judge: (trajectory: Trajectory) => Effect.Effect<Verdict>
  }
>()("@dreamgym/domain/QualityFilter") {}
