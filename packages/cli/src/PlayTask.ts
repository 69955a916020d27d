/**
 * The task that a person asked to play, in its world.
 * Who plays it is no business of this.
 */
import type { Environment, Task } from "@dreamgym/domain"
import { AlfWorld, Generator, Household, Rung } from "@dreamgym/environment"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "./Failure.ts"
import { dataFolder } from "./command/Replay.ts"

export interface Game {
  readonly environment: Environment.Environment
  readonly task: Task.Task
  readonly stepLimit: number
}

/** `task`: a number from 1, or words of its id or instruction. */
export interface Wanted {
  readonly environment: "household" | "alfworld"
  readonly rung: Option.Option<Rung.RungName>
  readonly task: string
  readonly seed: number
  readonly data: Option.Option<string>
}

export const find = (wanted: Wanted) =>
  wanted.environment === "household" ? inHousehold(wanted) : inAlfWorld(wanted)

/** Among so many tasks of the household words are looked for. */
const searched = 1000

const inHousehold = Effect.fnUntraced(function* ({ data, rung: name, seed, task }: Wanted) {
  if (Option.isSome(data)) return yield* unread("--data", "household, which makes its own games")
  const rung = Rung.rungs[Option.getOrElse(name, () => "L2" as const)]
  const count = numberOf(task) ?? searched
  const tasks = Generator.tasks({ rung: rung.name, split: "train", count, seed })
  return {
    environment: Household.make(rung),
    task: yield* choose(tasks, task),
    stepLimit: rung.stepLimit
  }
})

const inAlfWorld = Effect.fnUntraced(function* ({ data, rung, task }: Wanted) {
  if (Option.isSome(rung)) return yield* unread("--rung", "alfworld, whose games are given")
  const folder = yield* dataFolder(data)
  const splits = yield* Effect.forEach(["train", "valid_seen"] as const, (split) =>
    AlfWorld.tasks({ dataFolder: folder, split })
  )
  const environment = yield* AlfWorld.make({ dataFolder: folder })
  return { environment, task: yield* choose(splits.flat(), task), stepLimit: 50 }
})

const choose = (tasks: ReadonlyArray<Task.Task>, wanted: string) => {
  const number = numberOf(wanted)
  const found =
    number === undefined
      ? tasks.find(({ id, instruction }) => `${id} ${instruction}`.includes(wanted))
      : tasks[number - 1]
  return found === undefined
    ? Effect.fail(
        new UsageError({
          message: `--task ${wanted}: there is no such task; give a number from 1 to ${tasks.length}, or words of an instruction such as "${tasks[0]?.instruction ?? ""}"`
        })
      )
    : Effect.succeed(found)
}

const numberOf = (text: string): number | undefined =>
  /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined

const unread = (flag: string, world: string) =>
  Effect.fail(
    new UsageError({
      message: `${flag}: nothing would read it with the world ${world}; leave it out`
    })
  )
