/**
 * The contract of a world: slow or instant, local or remote, real or synthetic; a policy cannot tell which.
 * There is no reset: an episode is used once and closed with its scope.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Ending } from "./Ending.ts"
import type { Knowledge } from "./Knowledge.ts"
import type { Task } from "./Task.ts"
import type { Action, Provenance } from "./Trajectory.ts"

/**
 * The world broke; the agent did not. `Unavailable` and `Timeout` may pass by themselves, the others do not.
 * `message` names the file, field or address and the remedy.
 */
export class EnvironmentError extends Schema.TaggedError<EnvironmentError>()("EnvironmentError", {
  reason: Schema.Literals([
    "UnknownEnvironment",
    "BadTask",
    "BadData",
    "Unavailable",
    "Timeout",
    "Closed"
  ]),
  environment: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** What an action brings. `ending` is absent while the episode goes on. `provenance` says who answered. */
export interface Step {
  readonly observation: string
  readonly reward: number
  readonly ending?: Ending
  readonly provenance: Provenance
}

/** The live interaction. `admissible` lists the actions that the environment would accept now, where it knows them. */
export interface Episode {
  readonly observation: string
  readonly step: (action: Action) => Effect.Effect<Step, EnvironmentError>
  readonly admissible?: Effect.Effect<ReadonlyArray<string>, EnvironmentError>
}

/**
 * `knowledge` is what may be told about this world from its visible text (see `Knowledge`); large models do without.
 * `version` names the program and data behind it, for provenance.
 */
export interface Environment {
  readonly name: string
  readonly version: string
  readonly start: (task: Task) => Effect.Effect<Episode, EnvironmentError, Scope.Scope>
  readonly knowledge?: Knowledge
}

/** The registry: `task.environment` says which world a task is for, so several mix in one run. */
export class Environments extends Context.Service<
  Environments,
  {
    readonly names: ReadonlyArray<string>
    readonly find: (name: string) => Effect.Effect<Environment, EnvironmentError>
  }
>()("@dreamgym/domain/Environments") {}

export const makeEnvironments = (
  environments: ReadonlyArray<Environment>
): Environments["Service"] => {
  const byName = new Map(environments.map((environment) => [environment.name, environment]))
  const names = [...byName.keys()]
  return Environments.of({
    names,
    find: (name) => {
      const found = byName.get(name)
      return found === undefined
        ? Effect.fail(
            new EnvironmentError({
              reason: "UnknownEnvironment",
              environment: name,
              message: `no environment is called "${name}"; this run has: ${names.join(", ")}`
            })
          )
        : Effect.succeed(found)
    }
  })
}

export const layerEnvironments = (
  environments: ReadonlyArray<Environment>
): Layer.Layer<Environments> => Layer.succeed(Environments, makeEnvironments(environments))
