/** `dreamgym env`: what worlds there are, their tasks, and recordings of the originals. Playing them is `play` and `serve env`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Output from "../Output.ts"
import * as World from "../World.ts"
import { download } from "./Download.ts"
import * as EnvironmentFlags from "./EnvironmentFlags.ts"
import { replay } from "./Replay.ts"

const list = Command.make(
  "list",
  {},
  Effect.fn("Environments.list")(function* () {
    const rows = World.names.map((name) => {
      const { description, splits } = World.worlds[name]
      return { name, description, splits: [...splits] }
    })
    const width = Math.max(...rows.map(({ name }) => name.length))
    yield* Output.answer(
      rows,
      rows.flatMap(({ description, name, splits }) => [
        `${name.padEnd(width)}  ${description}`,
        `${"".padEnd(width)}  splits: ${splits.join(", ")}`
      ])
    )
  })
).pipe(
  Command.withDescription("Which worlds can be played and served"),
  Command.withExamples([{ command: "dreamgym env list --json", description: "For a script" }])
)

/** An instruction may be a whole policy. */
const brief = (instruction: string): string => {
  const [line = ""] = instruction.split("\n")
  return line.length > 80 || line !== instruction ? `${line.slice(0, 80)}...` : line
}

const notNegative = (flag: Flag.Flag<number>) =>
  Flag.filter(
    flag,
    (given) => given >= 0,
    (given) => `${given} is negative`
  )

const tasks = Command.make(
  "tasks",
  {
    environment: Argument.Literals("environment", World.names).pipe(
      Argument.withDescription("Which world")
    ),
    ...EnvironmentFlags.flags,
    offset: notNegative(Flag.Int("offset")).pipe(
      Flag.withDescription("The first number to show, from 0"),
      Flag.withDefault(0)
    ),
    limit: notNegative(Flag.Int("limit")).pipe(
      Flag.withDescription("How many to show"),
      Flag.withDefault(20)
    )
  },
  Effect.fn("Environments.tasks")(function* (given) {
    const world = yield* World.worlds[given.environment].open(given)
    const shown = world.tasks(given.offset, given.limit)
    const rows = shown.map(({ id, instruction }, i) => ({
      number: given.offset + i,
      id,
      instruction
    }))
    const width = Math.max(0, ...rows.map(({ number }) => String(number).length))
    const of = world.size === undefined ? "as many as are asked for" : `${world.size} in all`
    yield* Output.answer({ size: world.size ?? null, tasks: rows }, [
      ...rows.map(
        ({ id, instruction, number }) =>
          `${String(number).padStart(width)}  ${brief(instruction)}  (${id})`
      ),
      `${rows.length} of the tasks of ${given.environment}; ${of}`
    ])
  })
).pipe(
  Command.withDescription(
    "The tasks of a world, by number: `play --task` and a served seed mean these"
  ),
  Command.withExamples([
    { command: "dreamgym env tasks household --rung L0", description: "The easiest houses" },
    {
      command: "dreamgym env tasks alfworld --split valid_unseen --data ~/alfworld",
      description: "ALFWorld's games in unseen rooms"
    }
  ])
)

export const env = Command.make("env").pipe(
  Command.withSubcommands([list, tasks, replay, download])
)
