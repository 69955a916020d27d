/**
 * The recordings that can be played again, by world: each answers in the same form what became of every rollout.
 * It prints nothing and judges no policy.
 */
import * as Recording from "@dreamgym/environment/alfworld/Recording"
import * as TauRecording from "@dreamgym/environment/taubench/TauRecording"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { UsageError } from "./Failure.ts"
import * as Settings from "./Settings.ts"

/** The first difference of a rollout: where (`step 3: go to bed 1`), in what, and both texts. */
export interface Difference {
  readonly at: string
  readonly what: string
  readonly expected: string
  readonly actual: string
}

/** It passed where there is no difference. `skipped` says of each call that was not compared what it is, and why. */
export interface Rollout {
  readonly name: string
  readonly skipped: ReadonlyArray<string>
  readonly difference?: Difference
}

export const names = ["alfworld", "tau-bench"] as const

/**
 * The folder of the data: `given`, or the variable, or the folder above the recording's where it holds `sign`, a name that data of this
 * kind have.
 */
const folderOf = Effect.fnUntraced(function* (
  file: string,
  given: Option.Option<string>,
  { sign, value, variable }: Kind
) {
  const named = Option.getOrUndefined(given) ?? (yield* value)
  if (named !== undefined) return named
  const { dirname, join, resolve } = yield* Path.Path
  const around = dirname(dirname(resolve(file)))
  const fileSystem = yield* FileSystem.FileSystem
  const isThere = yield* Effect.orElseSucceed(fileSystem.exists(join(around, sign)), () => false)
  if (isThere) return around
  return yield* new UsageError({
    message: `where are the data of this recording? give their folder to --data, or set the variable ${variable}`
  })
})

interface Kind {
  readonly sign: string
  readonly variable: string
  readonly value: Effect.Effect<string | undefined>
}

const alfworldKind: Kind = {
  sign: "json_2.1.1",
  variable: "ALFWORLD_DATA",
  value: Settings.alfworldData
}

const tauBenchKind: Kind = {
  sign: "retail",
  variable: "TAU_BENCH_DATA",
  value: Settings.tauBenchData
}

const alfworld = Effect.fn("Replayed.alfworld")(function* (
  file: string,
  given: Option.Option<string>
) {
  const folder = yield* folderOf(file, given, alfworldKind)
  const { verdicts } = yield* Recording.replay(yield* Recording.read(file), folder)
  return verdicts.map(({ difference, game, rollout }): Rollout => {
    const name = `${game} (${rollout})`
    if (difference === undefined) return { name, skipped: [] }
    const { actual, command, expected, step, what } = difference
    const at = step === 0 ? "opening" : `step ${step}: ${command}`
    return { name, skipped: [], difference: { at, what, expected, actual } }
  })
})

const tauBench = Effect.fn("Replayed.tauBench")(function* (
  file: string,
  given: Option.Option<string>
) {
  const folder = yield* folderOf(file, given, tauBenchKind)
  const { verdicts } = yield* TauRecording.replay(yield* TauRecording.read(file), folder)
  return verdicts.map(({ difference, episode, skipped: count }): Rollout => {
    const skipped = Array.from(
      { length: count },
      () => "transfer_to_human_agents, which the original's reward does not replay either"
    )
    if (difference === undefined) return { name: episode, skipped }
    const { actual, call, command, expected, what } = difference
    const at =
      command === "" ? "before the first or after the last call" : `call ${call}: ${command}`
    return { name: episode, skipped, difference: { at, what, expected, actual } }
  })
})

/** Why a recording could not be replayed. */
export type ReplayError =
  | Effect.Error<ReturnType<typeof alfworld>>
  | Effect.Error<ReturnType<typeof tauBench>>

type Replay = (
  file: string,
  given: Option.Option<string>
) => Effect.Effect<ReadonlyArray<Rollout>, ReplayError, FileSystem.FileSystem | Path.Path>

/** How the recording `file` of each world is replayed, with the data of a folder that may be given. */
export const worlds: Readonly<Record<(typeof names)[number], Replay>> = {
  alfworld,
  "tau-bench": tauBench
}
