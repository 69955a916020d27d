/** `dreamgym play`: a person in the agent's place. Commands come from the terminal, or line by line from a pipe. */
import { Ending, type Environment } from "@dreamgym/domain"
import { Rung } from "@dreamgym/environment"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Output from "../Output.ts"
import * as PlayTask from "../PlayTask.ts"
import * as Settings from "../Settings.ts"
import { data } from "./Replay.ts"

const flags = {
  environment: Flag.Literals("environment", ["household", "alfworld"]).pipe(
    Flag.withDescription("The world to play in"),
    Flag.withDefault("household")
  ),
  rung: Flag.Literals("rung", Rung.RungName.literals).pipe(
    Flag.withDescription("Difficulty of the household's houses (default: L2)"),
    Flag.optional
  ),
  task: Flag.String("task").pipe(
    Flag.withMetavar("N|words"),
    Flag.withDescription(
      "Which task: its number from 1, or words that its id or instruction holds"
    ),
    Flag.withDefault("1")
  ),
  seed: Settings.seed,
  data
}

export const play = Command.make(
  "play",
  flags,
  Effect.fn("Play.run")(function* (given) {
    const game = yield* PlayTask.find({ ...given, seed: Option.getOrElse(given.seed, () => 1) })
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
      command: "dreamgym play --environment alfworld --task 'clean' --data ~/alfworld",
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

/** Plays until the episode ends, the step limit is reached, or the player leaves. */
const sit = Effect.fnUntraced(function* (game: PlayTask.Game, episode: Environment.Episode) {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdinIsTerminal
  const say = (yield* Output.Json) ? Output.remark : (text: string) => Console.log(text)
  const prompt = isTerminal
    ? Effect.flatMap(Terminal.Terminal, (one) => one.display("> "))
    : Effect.void
  let outcome: Outcome = { steps: 0, reward: 0, success: false, ended: false }
  const turn = Effect.fnUntraced(function* (text: string) {
    const step = yield* episode.step({ text })
    const ended = step.ending !== undefined || outcome.steps + 1 >= game.stepLimit
    outcome = {
      steps: outcome.steps + 1,
      reward: outcome.reward + step.reward,
      success: step.ending !== undefined && Ending.isSuccess(step.ending),
      ended
    }
    yield* say(step.observation)
    return !ended
  })
  const answer = Effect.fnUntraced(function* (line: string) {
    const text = line.trim()
    if (!isTerminal && text !== "") yield* say(`> ${text}`)
    if (text === "quit") return false
    if (text === "?") yield* say(yield* possible(episode))
    else if (text !== "" && !(yield* turn(text))) return false
    yield* prompt
    return true
  })
  yield* say([episode.observation, "", help].join("\n"))
  yield* prompt
  yield* stdio.stdin.pipe(Stream.decodeText(), Stream.splitLines, Stream.runForEachWhile(answer))
  return outcome
})

const possible = Effect.fnUntraced(function* (episode: Environment.Episode) {
  if (episode.admissible === undefined) return "This world does not say what can be done."
  return (yield* episode.admissible).map((action) => `  ${action}`).join("\n")
})
