/**
 * The household world as an environment: tasks of `Generator.tasks`, played by the engine that also
 * plays ALFWorld. It is real in that it has rules and a hidden state of its own; no model is asked.
 */
import { Environment, type Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Game from "../alfworld/Game.ts"
import * as GameEpisode from "../alfworld/GameEpisode.ts"
import * as Generator from "./Generator.ts"
import * as HouseholdKnowledge from "./HouseholdKnowledge.ts"
import type { Rung } from "./Rung.ts"

const world: GameEpisode.World = { name: "household", version: "1" }

/** `start` gives episodes that can be forked and gone back in. */
export interface Household extends Environment.Environment {
  readonly start: (
    task: Task.Task
  ) => Effect.Effect<GameEpisode.GameEpisode, Environment.EnvironmentError, Scope.Scope>
}

/**
 * `rung` decides what is known of the world (its words and kinds); tasks of any rung can be played.
 * Episodes end with success and reward 1 when the goal is reached; they have no step limit, the
 * rollout has. A payload that is none fails with `BadTask`, naming the field.
 */
export const make = (rung: Rung): Household => ({
  ...world,
  knowledge: HouseholdKnowledge.ofRung(rung),
  start
})

const start = Effect.fn("Household.start")(function* (task: Task.Task) {
  const request = yield* Effect.fromResult(
    Result.mapError(Generator.requestOf(task), (message) => badTask(task, message))
  )
  const game = yield* Effect.fromResult(
    Result.mapError(Game.load(Generator.generate(request), task.id), badGame)
  )
  return yield* GameEpisode.open(game, world)
})

const badTask = ({ id }: Task.Task, message: string) =>
  new Environment.EnvironmentError({
    reason: "BadTask",
    environment: world.name,
    message: `task ${id}, ${message}; the payload should be as Generator.tasks writes it`
  })

const badGame = (cause: { readonly message: string }) =>
  new Environment.EnvironmentError({
    reason: "BadData",
    environment: world.name,
    message: cause.message,
    cause
  })
