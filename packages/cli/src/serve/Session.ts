/**
 * One client's episodes, one after the other: what `reset`, `step` and `state` of the OpenEnv protocol mean in our worlds.
 * It belongs to no connection and speaks no JSON; a session is closed with its scope.
 */
import { Ending, Environment, type Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { World } from "../World.ts"
import type { Reset, Shown, State, Wanted } from "./Wire.ts"

export interface Session {
  /** Ends the episode before, if any, and starts one. */
  readonly reset: (wanted: Reset) => Effect.Effect<Shown, Environment.EnvironmentError>
  /** Fails with `Closed` before the first reset and after the end. */
  readonly step: (wanted: Wanted) => Effect.Effect<Shown, Environment.EnvironmentError>
  readonly state: Effect.Effect<State>
}

interface Running {
  readonly id: string
  readonly task: Task.Task
  readonly episode: Environment.Episode
  readonly steps: number
  readonly isOver: boolean
}

/** `number` counts the episodes of the whole server, and says which task comes next where a reset names none. */
export const make = Effect.fn("Session.make")(function* (world: World, number: () => number) {
  let running: Running | undefined
  let held: Scope.Closeable | undefined
  const letGo = Effect.suspend(() => {
    const scope = held
    held = undefined
    running = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  }).pipe(Effect.uninterruptible)
  yield* Effect.addFinalizer(() => letGo)
  const reset = Effect.fn("Session.reset")(function* (wanted: Reset) {
    yield* letGo
    const count = number()
    const task = yield* world.task(wanted.task ?? wanted.seed ?? count)
    const scope = yield* Scope.make()
    held = scope
    const episode = yield* Effect.provideService(world.environment.start(task), Scope.Scope, scope)
    const id = wanted.episode_id ?? `${world.environment.name}-${count}`
    running = { id, task, episode, steps: 0, isOver: false }
    return yield* shown(running, { observation: episode.observation })
  })
  const step = Effect.fnUntraced(function* (wanted: Wanted) {
    if (wanted._tag === "ListTools") return listed(world)
    const before = running
    if (before === undefined) return yield* notStarted(world)
    if (before.isOver) return yield* isOver(world)
    const answer = yield* before.episode.step(wanted.action)
    const steps = before.steps + 1
    const after = {
      ...before,
      steps,
      isOver: answer.ending !== undefined || steps >= world.stepLimit
    }
    running = after
    if (answer.ending?._tag === "Failed") return yield* failed(world, answer.ending)
    return yield* shown(after, answer, wanted.tool)
  })
  const session: Session = { reset, step, state: Effect.sync(() => stateOf(running)) }
  return session
})

/** The tools as OpenEnv's `list_tools` tells them. */
const listed = ({ tools }: World): Shown => ({ observation: { tools }, reward: null, done: false })

const shown = Effect.fnUntraced(function* (
  { episode, isOver: done, task }: Running,
  step: Pick<Environment.Step, "observation"> & Partial<Environment.Step>,
  tool?: string
) {
  // What could be done next is asked of nobody once the episode is over.
  const list = done || episode.admissible === undefined ? null : yield* episode.admissible
  const observation = {
    text: step.observation,
    instruction: task.instruction,
    admissible_commands: list,
    success: done ? step.ending !== undefined && Ending.isSuccess(step.ending) : null,
    truncated: done && (step.ending === undefined || step.ending._tag === "Truncated"),
    ...(tool === undefined ? {} : { tool_name: tool, result: step.observation, error: null })
  }
  return { observation, reward: step.reward ?? null, done } satisfies Shown
})

const stateOf = (running: Running | undefined): State => ({
  episode_id: running?.id ?? null,
  step_count: running?.steps ?? 0,
  task_id: running?.task.id ?? null,
  instruction: running?.task.instruction ?? null,
  done: running?.isOver ?? false
})

const notStarted = ({ environment }: World) =>
  new Environment.EnvironmentError({
    reason: "Closed",
    environment: environment.name,
    message: "there is no episode; reset first"
  })

/** A fault is told as one: answered as a last step it would pass for the agent's failure. */
const failed = (
  { environment }: World,
  { fault, message }: Extract<Ending.Ending, { _tag: "Failed" }>
) =>
  new Environment.EnvironmentError({
    reason: "Unavailable",
    environment: environment.name,
    message: `the episode failed by no doing of the agent (${fault}: ${message}) and counts for nothing; reset to start another one`
  })

const isOver = ({ environment }: World) =>
  new Environment.EnvironmentError({
    reason: "Closed",
    environment: environment.name,
    message: "the episode has ended; reset to start another one"
  })
