/**
 * tau-bench as an environment (S. Yao et al., 2024): customers of a shop and of an airline, served by policy and tools.
 * It ships no data: `TAU_BENCH_DATA`, a folder with the databases, tasks and policies of the original, must be at hand.
 *
 * A task's instruction is what the agent is told; what the customer wants stays in the data, found by the payload.
 */
import { Environment, Seed, Task } from "@dreamgym/domain"
import * as Cache from "effect/Cache"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Domain } from "../Database.ts"
import * as TauData from "../TauData.ts"
import * as ScriptedUser from "./ScriptedUser.ts"
import * as TauEpisode from "./TauEpisode.ts"
import * as TauPrompt from "./TauPrompt.ts"
import * as TauTask from "./TauTask.ts"
import type { UserSimulator } from "./UserSimulator.ts"

/** The splits of each domain. Evaluation is on `test`. */
export const splits = {
  retail: ["test", "dev", "train"],
  airline: ["test"]
} as const satisfies Record<Domain, ReadonlyArray<string>>

export const Split = Schema.Literals(["test", "dev", "train"])
export type Split = typeof Split.Type

/** The payload of a task: `index` counts from 0 in `<domain>/tasks_<split>.json`. */
export const Payload = Schema.Struct({
  domain: Schema.Literals(["retail", "airline"]),
  split: Split,
  index: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})
export type Payload = typeof Payload.Type

/** `form`: how the agent is told of its tools (`TauPrompt`); `tools` where absent, for policies that write text. */
export interface TasksOptions {
  readonly dataFolder: string
  readonly domain: Domain
  readonly split: Split
  readonly form?: TauPrompt.Form
}

/**
 * `user` plays the customers: `ScriptedUser.fromInstruction` where absent, which needs no model and always does the same.
 * `stepLimit`: 30 where absent, as in the original.
 */
export interface Options {
  readonly dataFolder: string
  readonly user?: UserSimulator
  readonly stepLimit?: number
}

/** The tasks of a split, in their order, as `tau-bench/<domain>/<split>/<index>`. */
export const tasks = Effect.fn("TauBench.tasks")(function* (options: TasksOptions) {
  const { dataFolder, domain, form = "tools", split } = options
  const read = yield* tasksOf(dataFolder, domain, split)
  const instruction = TauPrompt.systemPrompt(yield* domainOf(dataFolder, domain), form)
  return read.map((_, index): Task.Task => ({
    id: `${TauEpisode.name}/${domain}/${split}/${index}`,
    environment: TauEpisode.name,
    instruction,
    seed: 0,
    payload: { domain, split, index },
    origin: Task.original
  }))
})

/** The environment over a data folder. Each domain and list of tasks is read once, when first wanted. */
export const make = Effect.fn("TauBench.make")(function* (options: Options) {
  const { dataFolder, stepLimit, user = ScriptedUser.fromInstruction() } = options
  const shops = yield* Cache.make({
    capacity: 2,
    lookup: (domain: Domain) => domainOf(dataFolder, domain)
  })
  const lists = yield* Cache.make({
    capacity: 4,
    lookup: ({ domain, split }: ListKey) => tasksOf(dataFolder, domain, split)
  })
  const start = Effect.fn("TauBench.start")(function* (task: Task.Task) {
    const { domain, index, split } = yield* payloadOf(task)
    const list = yield* Cache.get(lists, new ListKey({ domain, split }))
    const found = list[index]
    if (found === undefined) return yield* badTask(`${task.id}: ${split} has ${list.length} tasks`)
    return yield* TauEpisode.open(yield* Cache.get(shops, domain), found, {
      user,
      key: Seed.key(task.seed, "customer", index),
      ...(stepLimit === undefined ? {} : { stepLimit })
    })
  })
  return { ...TauEpisode.worldOf(user), start }
})

class ListKey extends Data.Class<Pick<Payload, "domain" | "split">> {}

const domainOf = (dataFolder: string, domain: Domain) =>
  Effect.mapError(TauData.load(dataFolder, domain), (error) => badData(error.message, error))

const tasksOf = Effect.fnUntraced(function* (dataFolder: string, domain: Domain, split: Split) {
  const known: ReadonlyArray<Split> = splits[domain]
  if (!known.includes(split)) {
    return yield* badTask(`${domain} has no split "${split}"; it has: ${known.join(", ")}`)
  }
  const files = yield* FileSystem.FileSystem
  const file = `${dataFolder}/${domain}/tasks_${split}.json`
  const text = yield* Effect.mapError(files.readFileString(file), (cause) =>
    badData(`${file}: the file cannot be read; set TAU_BENCH_DATA to tau-bench's data`, cause)
  )
  return yield* Effect.fromResult(
    Result.mapError(TauTask.read(text, file), (error) => badData(error.message, error))
  )
})

const decodePayload = Schema.decodeUnknownResult(Payload)

const payloadOf = (task: Task.Task) =>
  Effect.fromResult(
    Result.mapError(decodePayload(task.payload), (cause) =>
      badTask(
        `${task.id}: the payload should be { domain, split, index }, as TauBench.tasks writes it`,
        cause
      )
    )
  )

const failure =
  (reason: Environment.EnvironmentError["reason"]) => (message: string, cause?: unknown) =>
    new Environment.EnvironmentError({
      reason,
      environment: TauEpisode.name,
      message,
      ...(cause === undefined ? {} : { cause })
    })

const badTask = failure("BadTask")

const badData = failure("BadData")
