/** A toy world for these tests: walk `length` steps to the east. Its payload can order every kind of misfortune. */
import { Ending, Environment, Policy, Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const provenance = { _tag: "Real", environment: "corridor", version: "1" } as const

export const taskOf = (id: string): Task.Task => ({
  id,
  environment: "corridor",
  instruction: "go east",
  seed: 0,
  payload: null,
  origin: Task.original
})

export const environmentError = (reason: Environment.EnvironmentError["reason"]) =>
  new Environment.EnvironmentError({ reason, environment: "corridor", message: `${reason}!` })

/** `steps(at)` may replace the answer to step `at`; `opened` and `closed` count scopes. */
export const corridor = (
  length: number,
  options: {
    readonly start?: Effect.Effect<void, Environment.EnvironmentError>
    readonly steps?: (
      at: number
    ) => Effect.Effect<Environment.Step, Environment.EnvironmentError> | undefined
  } = {}
) => {
  const scopes = { opened: 0, closed: 0 }
  const start = Effect.fnUntraced(function* (_task: Task.Task) {
    yield* options.start ?? Effect.void
    yield* Effect.acquireRelease(
      Effect.sync(() => scopes.opened++),
      () => Effect.sync(() => scopes.closed++)
    )
    let at = 0
    const step = (): Effect.Effect<Environment.Step, Environment.EnvironmentError> =>
      Effect.suspend(() => {
        const other = options.steps?.(at)
        if (other !== undefined) return other
        at++
        const done = at === length
        return Effect.succeed({
          observation: `place ${at}`,
          reward: done ? 1 : 0,
          provenance,
          ...(done ? { ending: Ending.terminated(true) } : {})
        })
      })
    return { observation: "place 0", step }
  })
  const environment: Environment.Environment = { name: "corridor", version: "1", start }
  return { scopes, environment, layer: Environment.layerEnvironments([environment]) }
}

/** Walks east and notes its decisions. */
export const walker = (
  act: Policy.Policy["Service"]["act"] = () => Effect.succeed({ text: "east" })
) => {
  const decisions: Array<Policy.Decision> = []
  const policy = Policy.Policy.of({
    name: "walker",
    version: Effect.succeed(7),
    act: (decision) => Effect.suspend(() => (decisions.push(decision), act(decision)))
  })
  return { decisions, policy, layer: Layer.succeed(Policy.Policy, policy) }
}
