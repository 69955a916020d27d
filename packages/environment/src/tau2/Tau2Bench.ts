/**
 * tau2-bench's retail and airline as an environment (V. Barres et al., 2025): its tasks, customers and criteria over
 * tau-bench's tools. Telecom, where the customer has tools too, is not here.
 *
 * A task whose reward hangs on assertions in words needs a judge. Without one it is refused at its start, unless `unjudged`
 * says to leave the assertions out; then `version` says so in every transition.
 */
import { type Environment, Seed, Task } from "@dreamgym/domain"
import * as Cache from "effect/Cache"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Database from "../taubench/Database.ts"
import { differences } from "../taubench/DatabaseHash.ts"
import * as Conversation from "../taubench/episode/Conversation.ts"
import * as ScriptedUser from "../taubench/episode/ScriptedUser.ts"
import * as TauPrompt from "../taubench/episode/TauPrompt.ts"
import type { UserSimulator } from "../taubench/episode/UserSimulator.ts"
import { fromJson, isDict } from "../taubench/python/Value.ts"
import { done } from "./GymText.ts"
import type { Judge } from "./Judge.ts"
import * as Tau2Data from "./Tau2Data.ts"
import * as Tau2Desk from "./Tau2Desk.ts"
import * as Tau2Score from "./Tau2Score.ts"
import * as Tau2Task from "./Tau2Task.ts"

/** Words of the customer that end a conversation: satisfied, handed on, or lost. */
export const stops = ["###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###"] as const

/** The original's limit is on all messages (200); the agent's share of it. */
export const stepLimit = 100

/** The payload of a task; `id` is the original's. */
export const Payload = Schema.Struct({
  domain: Schema.Literals(Tau2Task.domains),
  split: Schema.Literals(Tau2Task.splits),
  id: Schema.String
})
export type Payload = typeof Payload.Type

/** `form`: how the agent is told of its tools; `tools` where absent. */
export interface TasksOptions extends Tau2Data.Folders {
  readonly domain: Tau2Task.Domain
  readonly split: Tau2Task.Split
  readonly form?: TauPrompt.Form
}

/** `user`: `ScriptedUser.fromInstruction` where absent. `unjudged`: `refuse` where absent. `stepLimit`: 100 where absent. */
export interface Options extends Tau2Data.Folders {
  readonly user?: UserSimulator
  readonly judge?: Judge
  readonly unjudged?: "refuse" | "leaveOut"
  readonly stepLimit?: number
}

/** The tasks of a split, in its order, as `tau2-bench/<domain>/<split>/<id>`. */
export const tasks = Effect.fn("Tau2Bench.tasks")(function* (options: TasksOptions) {
  const { dataFolder, domain, form = "tools", split } = options
  const read = yield* Tau2Data.tasks(dataFolder, domain, split)
  const { policy, tools } = yield* Tau2Data.load(options, domain)
  const instruction = TauPrompt.systemPrompt({ wiki: policy, tools }, form)
  return read.map(({ id }): Task.Task => ({
    id: `${Tau2Data.environment}/${domain}/${split}/${id}`,
    environment: Tau2Data.environment,
    instruction,
    seed: 0,
    payload: { domain, split, id },
    origin: Task.original
  }))
})

/** The environment over the data folders. Each file is read once, when first wanted. */
export const make = Effect.fn("Tau2Bench.make")(function* (options: Options) {
  const domains = yield* Cache.make({
    capacity: 2,
    lookup: (domain: Tau2Task.Domain) => Tau2Data.load(options, domain)
  })
  const lists = yield* Cache.make({
    capacity: 6,
    lookup: ({ domain, split }: ListKey) => Tau2Data.tasks(options.dataFolder, domain, split)
  })
  const start = Effect.fn("Tau2Bench.start")(function* (task: Task.Task) {
    const { domain, id, split } = yield* Effect.mapError(decodePayload(task.payload), (cause) =>
      badTask(`${task.id}: the payload should be { domain, split, id }`, cause)
    )
    const list = yield* Cache.get(lists, new ListKey({ domain, split }))
    const found = list.find((one) => one.id === id)
    if (found === undefined) return yield* badTask(`${task.id}: ${split} has no task ${id}`)
    const { tables } = yield* Cache.get(domains, domain)
    return yield* open(tables, found, Seed.key(task.seed, "customer"), options)
  })
  const environment: Environment.Environment = {
    ...worldOf(options.user ?? scripted, options),
    start
  }
  return environment
})

/** One episode. It begins with the customer's first line. */
export const open = Effect.fn("Tau2Bench.open")(function* (
  tables: Database.Tables,
  task: Tau2Task.Tau2Task,
  key: Seed.Key,
  options: Omit<Options, keyof Tau2Data.Folders>
) {
  const { judge, unjudged = "refuse", user = scripted } = options
  const world = worldOf(user, options)
  if (judge === undefined && unjudged === "refuse" && Tau2Score.needsJudge(task)) {
    return yield* badTask(
      `task ${task.id} is scored by assertions in words; give a judge, or leave them out knowingly (unjudged: "leaveOut")`
    )
  }
  const line = yield* Effect.mapError(
    user.start(Tau2Task.instructionOf(task), key),
    Conversation.faultOf(world)
  )
  const setting: Conversation.Setting<Database.Database> = {
    world,
    desk: Tau2Desk.desk,
    stepLimit: options.stepLimit ?? stepLimit,
    stops,
    finalTools: [done],
    score: scoreBy(task, key, judge)
  }
  return yield* Conversation.open(setting, Database.start(tables), line)
})

/** The version names the original's commit, who plays the customer, and whether assertions count. */
const worldOf = (user: UserSimulator, { judge, unjudged }: Scoring): Conversation.World => {
  const assertions = judge?.name ?? (unjudged === "leaveOut" ? "left out" : "refused")
  return {
    name: Tau2Data.environment,
    version: `a2c0247, customer ${user.name}, assertions ${assertions}`
  }
}

type Scoring = Pick<Options, "judge" | "unjudged">

const scripted = ScriptedUser.fromInstruction()

/** The score of an episode that ended. Without a judge only tasks come here that need none, or leave it out knowingly. */
const scoreBy = (
  task: Tau2Task.Tau2Task,
  key: Seed.Key,
  judge: Judge | undefined
): Conversation.Setting<Database.Database>["score"] =>
  Effect.fnUntraced(function* (database, entries) {
    const needed = Tau2Score.needsJudge(task)
    const isDatabaseRight = differences(database, goalOf(database.base, task)).length === 0
    const verdicts =
      needed && judge !== undefined
        ? yield* Effect.mapError(
            judge.judge(task.evaluation_criteria.nl_assertions ?? [], entries, key),
            (error) => unavailable(`the judge cannot score the episode: ${error.message}`, error)
          )
        : undefined
    const judged = needed && judge === undefined ? withoutAssertions(task) : task
    const { reward } = Tau2Score.score(judged, {
      isDatabaseRight,
      entries,
      ...(verdicts === undefined ? {} : { assertions: verdicts })
    })
    return reward._tag === "Scored" ? reward.value : yield* unavailable(reward.why)
  })

/** The task by the other components of its basis. */
const withoutAssertions = (task: Tau2Task.Tau2Task): Tau2Task.Tau2Task => ({
  ...task,
  evaluation_criteria: { ...task.evaluation_criteria, nl_assertions: null }
})

/**
 * The database that the expected actions leave. One that is refused there leaves nothing, as in the original: in retail
 * tasks 64 and 105 that is an exchange.
 */
const goalOf = (base: Database.Tables, task: Tau2Task.Tau2Task): Database.Database => {
  const database = Database.start(base)
  for (const action of task.evaluation_criteria.actions ?? []) {
    const given = fromJson(action.arguments)
    if (isDict(given)) Tau2Desk.desk.call(database, action.name, given)
  }
  return database
}

class ListKey extends Data.Class<Pick<Payload, "domain" | "split">> {}

const decodePayload = Schema.decodeUnknownEffect(Payload)

const badTask = Tau2Data.failure("BadTask")

const unavailable = Tau2Data.failure("Unavailable")
