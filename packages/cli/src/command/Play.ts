/** `dreamgym play`: a person in the agent's place. Commands come from the terminal, or line by line from a pipe. */
import { Ending, type Environment } from "@dreamgym/domain"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Keyboard from "../Keyboard.ts"
import * as Output from "../Output.ts"
import * as PlayTask from "../PlayTask.ts"
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
      "Which task: its number from 1, or words that its id or instruction holds"
    ),
    Flag.withDefault("1")
  )
}

export const play = Command.make(
  "play",
  flags,
  Effect.fn("Play.run")(function* (given) {
    const game = yield* PlayTask.find(given)
    const outcome = yield* Effect.scoped(
      Effect.flatMap(game.environment.start(game.task), (episode) => sit(game, episode))
    )
    const { id, instruction } = game.task
    yield* Output.answer({ task: id, instruction, ...outcome }, [verdict(outcome)])
  })
).pipe(
  Command.withDescription("Play a task yourself"),
  Command.withExamples([
    { command: "dreamgym play --rung L0 --task 3", description: "The third of the easiest tasks" },
    {
      command: "dreamgym play alfworld --task 'clean' --data ~/alfworld",
      description: "A game of ALFWorld that asks to clean something"
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

/** Where lines come from; `prompt` asks for the next. */
interface Input {
  readonly isTerminal: boolean
  readonly lines: Stream.Stream<string, PlatformError.PlatformError>
  readonly prompt: Effect.Effect<void>
}

/** The keyboard, or the lines of a pipe. */
const inputOf = Effect.fnUntraced(function* (known: () => ReadonlyArray<string>) {
  const { stdin, stdinIsTerminal } = yield* Stdio.Stdio
  const piped: Input = {
    isTerminal: false,
    lines: stdin.pipe(Stream.decodeText(), Stream.splitLines),
    prompt: Effect.void
  }
  if (!(yield* stdinIsTerminal)) return piped
  return { isTerminal: true, ...(yield* Keyboard.open(known)) } satisfies Input
})

const nothing: Outcome = { steps: 0, reward: 0, success: false, ended: false }

const after = (before: Outcome, step: Environment.Step, limit: number): Outcome => ({
  steps: before.steps + 1,
  reward: before.reward + step.reward,
  success: step.ending !== undefined && Ending.isSuccess(step.ending),
  ended: step.ending !== undefined || before.steps + 1 >= limit
})

/** Plays until the episode ends, the step limit is reached, or the player leaves. */
const sit = Effect.fnUntraced(function* (game: PlayTask.Game, episode: Environment.Episode) {
  const say = (yield* Output.Json) ? Output.remark : (text: string) => Console.log(text)
  let outcome = nothing
  let known = yield* admissible(episode)
  const { isTerminal, lines, prompt } = yield* inputOf(() => known ?? [])
  const turn = Effect.fnUntraced(function* (text: string) {
    const step = yield* episode.step({ text })
    outcome = after(outcome, step, game.stepLimit)
    yield* say(step.observation)
    if (!outcome.ended) known = yield* admissible(episode)
    return !outcome.ended
  })
  const answer = Effect.fnUntraced(function* (line: string) {
    const text = line.trim()
    if (!isTerminal && text !== "") yield* say(`> ${text}`)
    if (text === "quit") return false
    if (text === "?") yield* say(listed(known))
    else if (text !== "" && !(yield* turn(text))) return false
    yield* prompt
    return true
  })
  yield* say([episode.observation, "", isTerminal ? helpAtTerminal : help].join("\n"))
  yield* prompt
  yield* Stream.runForEachWhile(lines, answer)
  return outcome
})

const admissible = (episode: Environment.Episode) => episode.admissible ?? Effect.undefined

const listed = (known: ReadonlyArray<string> | undefined): string =>
  known === undefined
    ? "This world does not say what can be done."
    : known.map((action) => `  ${action}`).join("\n")
