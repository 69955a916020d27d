/**
 * The learner's numbers as one thing: kept whole when an update fails, saved and restored with
 * moments and counts.
 * Where the bytes lie is the caller's business.
 */
import { Learner } from "@dreamgym/domain"
import { Parameters, type TrainStep } from "@dreamgym/graph"
import { Weights } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Trained } from "./Model.ts"

/** `updates` counts those of this learner; the version of the trainable may have grown before. */
export interface LearnerState {
  readonly trainable: Trained
  readonly training: TrainStep.TrainState
  updates: number
  /** Present where the KL coefficients adapt: by what they are multiplied. */
  klScale?: number | undefined
}

/** Undoes what an effect did to the numbers, unless it succeeds. */
export const whole = <A, E>(
  { trainable, training }: LearnerState,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const before = [trainable.parameters, training.state].map(({ memory }) => memory.slice(0))
    const undo = Effect.sync(() => {
      for (const [i, { memory }] of [trainable.parameters, training.state].entries()) {
        new Uint8Array(memory).set(new Uint8Array(before[i] ?? new SharedArrayBuffer(0)))
      }
    })
    return Effect.onExit(effect, (exit) => (Exit.isSuccess(exit) ? Effect.void : undo))
  })

const files = ["policy.safetensors", "optimizer.safetensors"] as const

/** Two safetensors files: the policy with its version, and the optimizer's moments. */
export const saved = (learner: LearnerState) =>
  Effect.sync(() => ({
    [files[0]]: Weights.encode(learner.trainable.parameters, {
      version: String(learner.trainable.version),
      updates: String(learner.updates),
      ...(learner.klScale === undefined ? {} : { klScale: String(learner.klScale) })
    }),
    [files[1]]: Weights.encode(learner.training.state)
  }))

/** Overwrites the numbers in place once both files fit; on failure they are as before. */
export const restored = (
  learner: LearnerState,
  given: Readonly<Record<string, Uint8Array>>
): Effect.Effect<void, Learner.LearnerError> =>
  Effect.gen(function* () {
    const { trainable, training } = learner
    const [policy, optimizer] = files.map((file) => given[file] ?? new Uint8Array(0))
    const parameters = Parameters.copy(trainable.parameters)
    const state = Parameters.copy(training.state)
    const metadata = yield* Weights.decodeInto(parameters, policy ?? new Uint8Array(0), files[0])
    yield* Weights.decodeInto(state, optimizer ?? new Uint8Array(0), files[1])
    const [version, updates] = [Number(metadata["version"]), Number(metadata["updates"])]
    if (!Number.isInteger(version) || !Number.isInteger(updates)) return yield* noVersion
    const klScale = learner.klScale === undefined ? undefined : Number(metadata["klScale"])
    if (klScale !== undefined && !(klScale > 0)) return yield* noScale
    new Uint8Array(trainable.parameters.memory).set(new Uint8Array(parameters.memory))
    new Uint8Array(training.state.memory).set(new Uint8Array(state.memory))
    trainable.version = version
    learner.updates = updates
    learner.klScale = klScale
  }).pipe(
    Effect.mapError((cause) =>
      cause._tag === "LearnerError"
        ? cause
        : new Learner.LearnerError({ reason: "BadState", message: cause.message, cause })
    )
  )

const noVersion = Effect.fail(
  new Learner.LearnerError({
    reason: "BadState",
    message: `${files[0]} does not say its version and updates; restore it from a checkpoint`
  })
)

const noScale = Effect.fail(
  new Learner.LearnerError({
    reason: "BadState",
    message: `${files[0]} does not say its klScale: it was saved without adaptiveKl; leave it out`
  })
)
