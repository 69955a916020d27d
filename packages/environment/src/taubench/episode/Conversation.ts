/**
 * A conversation of an agent with a customer beside a database with tools, as an episode: one action a step, the reward at
 * its end. It knows no tools, tasks or rewards of its own; tau-bench and tau2-bench say what these are.
 */
import { Ending, Environment, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Dict } from "../python/Value.ts"
import * as AgentAction from "./AgentAction.ts"
import type { Line, UserSimulatorError } from "./UserSimulator.ts"

/** Whose conversation it is: for errors and provenance. */
export interface World {
  readonly name: string
  readonly version: string
}

/** What is done with a database D: `call` changes it and answers any name and arguments; a `fork` shares nothing that changes. */
export interface Desk<D> {
  readonly call: (database: D, name: string, given: Dict) => string
  readonly fork: (database: D) => D
}

/** One thing that was said or done, in order; a call comes with its result. */
export type Entry =
  | { readonly _tag: "Agent"; readonly content: string }
  | { readonly _tag: "User"; readonly content: string }
  | {
      readonly _tag: "Call"
      readonly name: string
      readonly arguments: Dict
      readonly result: string
    }

/**
 * `stops`: words in a line of the customer that end the conversation; `finalTools`: tools that do. `score` gives the reward,
 * in [0, 1], of an episode that ended so; 1, up to 1e-6, is success. After `stepLimit` actions it is truncated, reward 0.
 */
export interface Setting<D> {
  readonly world: World
  readonly desk: Desk<D>
  readonly stepLimit: number
  readonly stops: ReadonlyArray<string>
  readonly finalTools: ReadonlyArray<string>
  readonly score: (
    database: D,
    entries: ReadonlyArray<Entry>
  ) => Effect.Effect<number, Environment.EnvironmentError>
}

/**
 * A step after the end or after the scope fails with `Closed`. Where the customer fails, the step fails, nothing has
 * happened, and the same action may be tried again.
 */
export interface Conversation extends Environment.Episode {
  /** All that was said and done so far, the customer's first line included. */
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  readonly snapshot: Effect.Effect<Moment, Environment.EnvironmentError>
  /** Answers with the observation of then. A moment of another conversation fails with `BadData`. */
  readonly restore: (moment: Moment) => Effect.Effect<string, Environment.EnvironmentError>
  /** Another episode at the same state, closed with the scope it is made in; neither changes the other. */
  readonly fork: Effect.Effect<Conversation, Environment.EnvironmentError, Scope.Scope>
}

/** Where a conversation stood, in memory: its forks can go there too. The customer's memory goes with it. */
export interface Moment {
  readonly steps: number
  readonly observation: string
}

/** Opens the conversation after the customer's first line. `database` is the episode's own from now on. */
export const open = <D>(
  setting: Setting<D>,
  database: D,
  line: Line
): Effect.Effect<Conversation, never, Scope.Scope> =>
  play(setting, new WeakMap(), {
    database,
    line,
    observation: bounded(line.text),
    entries: [{ _tag: "User", content: line.text }],
    steps: 0,
    isOver: false
  })

/** The customer's failure as the world's. */
export const faultOf =
  ({ name }: World) =>
  (cause: UserSimulatorError): Environment.EnvironmentError =>
    new Environment.EnvironmentError({
      reason: reasons[cause.reason],
      environment: name,
      message: `the customer cannot go on: ${cause.message}`,
      cause
    })

const reasons = {
  Unavailable: "Unavailable",
  Timeout: "Timeout",
  BadAnswer: "BadData"
} as const satisfies Record<UserSimulatorError["reason"], unknown>

/** Only `database` changes in place; the rest is replaced. */
interface State<D> {
  readonly database: D
  readonly line: Line
  readonly observation: string
  readonly entries: ReadonlyArray<Entry>
  readonly steps: number
  readonly isOver: boolean
}

const play = Effect.fnUntraced(function* <D>(
  setting: Setting<D>,
  kept: WeakMap<Moment, State<D>>,
  start: State<D>
) {
  let state = start
  let isOpen = true
  yield* Effect.addFinalizer(() => Effect.sync(() => (isOpen = false)))
  const whileOpen = <A, R>(use: Effect.Effect<A, Environment.EnvironmentError, R>) =>
    Effect.suspend(() => (isOpen ? use : Effect.fail(closed(setting.world))))
  const step = Effect.fn("Conversation.step")(function* (action: Trajectory.Action) {
    if (state.isOver) return yield* closed(setting.world)
    const answer = yield* answerOf(setting, state, AgentAction.read(action))
    const next = after(setting, state, answer)
    const reward = answer.isLast ? yield* setting.score(state.database, next.entries) : 0
    state = next
    return stepOf(setting, next, answer, reward)
  })
  const restore = Effect.fnUntraced(function* (moment: Moment) {
    const found = kept.get(moment)
    if (found === undefined) return yield* foreign(setting.world)
    state = copyOf(setting, found)
    return state.observation
  })
  const fork: Conversation["fork"] = whileOpen(
    Effect.suspend(() => play(setting, kept, copyOf(setting, state)))
  )
  const conversation: Conversation = {
    observation: state.observation,
    step: (action) => whileOpen(step(action)),
    entries: Effect.sync(() => state.entries),
    snapshot: whileOpen(Effect.sync(() => momentOf(setting, kept, state))),
    restore: (moment) => whileOpen(restore(moment)),
    fork
  }
  return conversation
})

const copyOf = <D>({ desk }: Setting<D>, state: State<D>): State<D> => ({
  ...state,
  database: desk.fork(state.database)
})

const momentOf = <D>(
  setting: Setting<D>,
  kept: WeakMap<Moment, State<D>>,
  state: State<D>
): Moment => {
  const moment = { steps: state.steps, observation: state.observation }
  kept.set(moment, copyOf(setting, state))
  return moment
}

/** What an action brings, and whether it is the end. */
interface Answer {
  readonly observation: string
  readonly entries: ReadonlyArray<Entry>
  readonly line?: Line
  readonly isLast: boolean
}

const answerOf = <D>(
  setting: Setting<D>,
  { database, line }: State<D>,
  action: AgentAction.AgentAction
): Effect.Effect<Answer, Environment.EnvironmentError> => {
  if (action._tag === "Malformed") {
    return Effect.succeed({ observation: action.problem, entries: [], isLast: false })
  }
  if (action._tag === "Call") {
    return Effect.sync(() => called(setting, database, action.name, action.arguments))
  }
  return line.reply(action.content).pipe(
    Effect.mapBoth({
      onFailure: faultOf(setting.world),
      onSuccess: (next) => spoken(setting, action.content, next)
    })
  )
}

const spoken = <D>({ stops }: Setting<D>, content: string, line: Line): Answer => ({
  observation: bounded(line.text),
  entries: [
    { _tag: "Agent", content },
    { _tag: "User", content: line.text }
  ],
  line,
  isLast: stops.some((word) => line.text.includes(word))
})

const called = <D>(setting: Setting<D>, database: D, name: string, given: Dict): Answer => {
  const result = bounded(setting.desk.call(database, name, given))
  return {
    observation: result,
    entries: [{ _tag: "Call", name, arguments: given, result }],
    isLast: setting.finalTools.includes(name)
  }
}

/**
 * Several times what the tools show of the original's data; only arguments that are echoed get longer, and what a customer
 * says who does not stop.
 */
const longest = 90_000

const bounded = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}... (${text.length} characters)`

const after = <D>(setting: Setting<D>, state: State<D>, answer: Answer): State<D> => ({
  database: state.database,
  line: answer.line ?? state.line,
  observation: answer.observation,
  entries: [...state.entries, ...answer.entries],
  steps: state.steps + 1,
  isOver: answer.isLast || state.steps + 1 >= setting.stepLimit
})

const stepOf = <D>(
  { world }: Setting<D>,
  { isOver }: State<D>,
  { isLast, observation }: Answer,
  reward: number
): Environment.Step => ({
  observation,
  reward,
  ...(isLast ? { ending: Ending.terminated(Math.abs(reward - 1) < 1e-6) } : {}),
  ...(isOver && !isLast ? { ending: Ending.truncated("StepLimit") } : {}),
  provenance: { _tag: "Real", environment: world.name, version: world.version }
})

const closed = ({ name }: World) =>
  new Environment.EnvironmentError({
    reason: "Closed",
    environment: name,
    message: "the episode has ended; start another one for the task"
  })

const foreign = ({ name }: World) =>
  new Environment.EnvironmentError({
    reason: "BadData",
    environment: name,
    message: "the moment is of another conversation; restore what this one or a fork of it kept"
  })
