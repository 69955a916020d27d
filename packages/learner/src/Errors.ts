/** The engine's failures as the learner's: what happened, and that the parameters are as before. */
import { Learner } from "@dreamgym/domain"
import type { Session, TrainStep } from "@dreamgym/graph"

export type EngineFailure = Learner.LearnerError | Session.SessionError | TrainStep.NonFiniteError

export const learnerError = (cause: EngineFailure): Learner.LearnerError =>
  cause._tag === "LearnerError"
    ? cause
    : new Learner.LearnerError({
        reason: cause._tag === "NonFiniteError" ? "NotFinite" : "Engine",
        message: cause.message,
        cause
      })
