/** `dreamgym play`: a person in the agent's place. Commands come from the terminal, or line by line from a pipe. */
import { Ending, type Environment } from "@dreamgym/domain"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Customer from "../Customer.ts"
import * as Output from "../Output.ts"
import * as PlayTask from "../PlayTask.ts"
import * as Seat from "../Seat.ts"
import * as World from "../World.ts"
import * as EnvironmentFlags from "./EnvironmentFlags.ts"

const flags = {
  environment: Argument.Literals("environment", World.names).pipe(
    Argument.withDescription("The world to play in (default: household)"),
    Argument.withDefault("household" as const)
  ),
  ...EnvironmentFlags.flags,
  task: Flag.String("task").pipe(
    Flag.withMetavar("N|words"),
    Flag.withDescription(
      "Which task: its number in `dreamgym env tasks`, or words that its id or instruction holds"
    ),
    Flag.withDefault("0")
  )
}

export const play = Command.make(
  "play",
  { ...flags, ...Customer.flags },
  Effect.fn("Play.run")(function* (given) {
    const say = (yield* Output.Json) ? Output.remark : (text: string) => Console.log(text)
    const { outcome, task } = yield* Effect.scoped(sit(given, say))
    const { id, instruction } = task
    yield* Output.answer({ task: id, instruction, ...outcome }, [verdict(outcome)])
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym play --rung L0 --task 3", description: "Number 3 of the easiest tasks" },
    {
      command: "dreamgym play alfworld --task 'clean' --data ~/alfworld",
      description: "A game of ALFWorld that asks to clean something"
    },
    {
      command: "dreamgym play tau-bench --user human",
      description: "Serve a customer of an airline, who is played at the same terminal"
    },
    { command: "dreamgym play --json < commands.txt", description: "Replay commands from a file" }
  ])
)

interface Outcome {
  readonly steps: number
  readonly reward: number
  readonly success: boolean
  readonly ended: boolean
}

const verdict = ({ ended, steps, success }: Outcome): string =>
  success
    ? `Done, in ${steps} steps.`
    : ended
      ? `Over after ${steps} steps.`
      : `Left after ${steps} steps.`

const help = "Any line is a command; ? lists what can be done now, quit leaves."
const helpAtTerminal = `${help} Tab completes what can be done.`

const nothing: Outcome = { steps: 0, reward: 0, success: false, ended: false }

const after = (before: Outcome, step: Environment.Step, limit: number): Outcome => ({
  steps: before.steps + 1,
  reward: before.reward + step.reward,
  success: step.ending !== undefined && Ending.isSuccess(step.ending),
  ended: step.ending !== undefined || before.steps + 1 >= limit
})

/** A player's seat at a task, from the first line to the last. */
const sit = Effect.fnUntraced(function* (
  given: Omit<PlayTask.Wanted, "customer"> & Customer.Given,
  say: Seat.Say
) {
  const seat = yield* Seat.open(say)
  const customer = yield* Customer.of(given, given.environment, seat)
  const game = yield* PlayTask.find({ ...given, customer })
  const episode = yield* seat.whileHere(game.environment.start(game.task))
  if (episode === undefined) return { outcome: nothing, task: game.task }
  yield* say([episode.observation, "", seat.isTerminal ? helpAtTerminal : help].join("\n"))
  const prompt = customer?.name === "human" ? "agent> " : "> "
  return { outcome: yield* turns({ game, episode, seat, prompt }), task: game.task }
})

interface Sitting {
  readonly game: PlayTask.Game
  readonly episode: Environment.Episode
  readonly seat: Seat.Seat
  readonly prompt: string
}

/** Plays until the episode ends, the step limit is reached, or somebody leaves. */
const turns = Effect.fnUntraced(function* ({ episode, game, prompt, seat }: Sitting) {
  let outcome = nothing
  while (!outcome.ended) {
    const known = yield* admissible(episode)
    const text = yield* seat.ask(prompt, known ?? game.openings)
    if (text === undefined) return outcome
    if (text === "?") {
      yield* seat.say(listed(known, game))
      continue
    }
    const step = yield* tried(seat, episode.step({ text }))
    if (step === "left") return outcome
    if (step === "again") continue
    outcome = after(outcome, step, game.stepLimit)
    yield* seat.say(step.observation)
  }
  return outcome
})

/** A world that cannot go on for now has done nothing: at a terminal the person may say it again. */
const tried = (
  seat: Seat.Seat,
  step: Effect.Effect<Environment.Step, Environment.EnvironmentError>
) =>
  seat.whileHere(step).pipe(
    Effect.map((done) => done ?? ("left" as const)),
    Effect.catchIf(
      ({ reason }) => seat.isTerminal && (reason === "Unavailable" || reason === "Timeout"),
      ({ message }) => Effect.as(seat.say(`${message}\nNothing has happened.`), "again" as const)
    )
  )

const admissible = (episode: Environment.Episode) => episode.admissible ?? Effect.undefined

/** What can be done; where a world does not list it, what it tells an agent of itself. */
const listed = (known: ReadonlyArray<string> | undefined, game: PlayTask.Game): string =>
  known === undefined ? game.task.instruction : known.map((action) => `  ${action}`).join("\n")
