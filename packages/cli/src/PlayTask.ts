/**
 * The task that a person asked to play, in its world.
 * Who plays it is no business of this.
 */
import type { Environment, Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { UsageError } from "./Failure.ts"
import * as World from "./World.ts"

export interface Game {
  readonly environment: Environment.Environment
  readonly task: Task.Task
  readonly stepLimit: number
  /** What a command may begin with where the world does not list commands: its tools. */
  readonly openings: ReadonlyArray<string>
}

/** `task`: its number in `env tasks`, from 0, or words of its id or instruction. */
export interface Wanted extends World.Given {
  readonly environment: World.Name
  readonly task: string
}

export const find = Effect.fnUntraced(function* (wanted: Wanted) {
  const world = yield* World.worlds[wanted.environment].open(wanted)
  const { environment, stepLimit, tools } = world
  const game: Game = {
    environment,
    stepLimit,
    task: yield* choose(world, wanted.task),
    openings: tools.map(({ name }) => `${String(name)}(`)
  }
  return game
})

/** Among so many tasks words are looked for, where there is no end of them. */
const searched = 1000

const choose = (world: World.World, wanted: string) => {
  const number = numberOf(wanted)
  const tasks =
    number === undefined ? world.tasks(0, world.size ?? searched) : world.tasks(number, 1)
  const found =
    number === undefined
      ? tasks.find(({ id, instruction }) => `${id} ${instruction}`.includes(wanted))
      : tasks[0]
  return found === undefined
    ? Effect.fail(
        new UsageError({
          message: `--task ${wanted}: there is no such task; give a number from 0 to ${(world.size ?? searched) - 1}, or words of an instruction such as "${world.tasks(0, 1)[0]?.instruction ?? ""}"`
        })
      )
    : Effect.succeed(found)
}

const numberOf = (text: string): number | undefined =>
  /^(0|[1-9]\d{0,5})$/.test(text) ? Number(text) : undefined
