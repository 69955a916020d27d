/**
 * One episode of tau-bench: a conversation over the tools and a fresh database, scored as the original scores it.
 * It reads no files; `TauBench` does.
 */
import type { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Database from "../Database.ts"
import type { TauDomain } from "../TauData.ts"
import * as TauReward from "../TauReward.ts"
import * as TauTools from "../TauTools.ts"
import * as Conversation from "./Conversation.ts"
import type { TauTask } from "./TauTask.ts"
import { stop, type UserSimulator } from "./UserSimulator.ts"

export const name = "tau-bench"

/** The version names the original's commit and who plays the customer: scores under different customers do not compare. */
export const worldOf = (user: UserSimulator): Conversation.World => ({
  name,
  version: `59a200c, customer ${user.name}`
})

/** The original's limit of actions. */
export const stepLimit = 30

/** What episodes need of a domain. All of them share it, and none changes it. */
export type Shop = Pick<TauDomain, "tables" | "terminateTools">

/** `key` decides all chance of the customer; `stepLimit` is 30 where absent. */
export interface Options {
  readonly user: UserSimulator
  readonly key: Seed.Key
  readonly stepLimit?: number
}

/** Begins with the customer's first line. A customer who fails there is an error, no episode. */
export const open = Effect.fn("TauEpisode.open")(function* (
  shop: Shop,
  task: TauTask,
  { key, stepLimit: limit = stepLimit, user }: Options
) {
  const world = worldOf(user)
  const line = yield* Effect.mapError(
    user.start(task.instruction, key),
    Conversation.faultOf(world)
  )
  const setting: Conversation.Setting<Database.Database> = {
    world,
    desk: tools,
    stepLimit: limit,
    stops: [stop],
    finalTools: shop.terminateTools,
    score: (database, entries) =>
      Effect.sync(() => TauReward.judge(database, said(entries), task).reward)
  }
  return yield* Conversation.open(setting, Database.start(shop.tables), line)
})

/** The tools of tau-bench. A tool that gives nothing, as the fourth certificate does, shows Python's `None`. */
export const tools: Conversation.Desk<Database.Database> = {
  call: (database, name, given) => TauTools.call(database, name, given).observation ?? "None",
  fork: Database.fork
}

/** The agent's messages to the customer, in order. */
export const said = (entries: ReadonlyArray<Conversation.Entry>): ReadonlyArray<string> =>
  entries.filter((entry) => entry._tag === "Agent").map(({ content }) => content)
