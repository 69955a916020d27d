/** A file system for these tests: real files of node:fs, with every write and sync noted, and failures on demand. */
import { ReplayBuffer as Contract, Task, type Trajectory } from "@dreamgym/domain"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-replay-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
)

/** `failAfter` bytes of all writes together the disk is full; `noTruncate` makes cutting back fail too. */
export const disk = (options: { failAfter?: number; noTruncate?: boolean } = {}) => {
  const log: Array<string> = []
  let written = 0
  const attempt = <A>(method: string, run: () => A) =>
    Effect.try({
      try: run,
      catch: (cause) =>
        PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method, cause })
    })
  const writeAll = (fd: number, bytes: Uint8Array) => {
    const room = (options.failAfter ?? Number.POSITIVE_INFINITY) - written
    const part = bytes.subarray(0, Math.max(0, Math.min(room, bytes.length)))
    fs.writeSync(fd, part)
    written += part.length
    log.push(`write ${part.length}`)
    if (part.length < bytes.length) throw new Error("no space left on device")
  }
  const fileOf = (fd: number): FileSystem.File => ({
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: attempt("stat", () => infoOf(fs.fstatSync(fd))),
    seek: () => Effect.die("unused"),
    sync: attempt("sync", () => (fs.fsyncSync(fd), log.push("sync"))).pipe(Effect.asVoid),
    read: (buffer, at) =>
      attempt("read", () => fs.readSync(fd, buffer, 0, buffer.length, Number(at?.position ?? 0n))),
    readAlloc: () => Effect.succeed(Option.none()),
    truncate: (length = 0) =>
      attempt("truncate", () => {
        if (options.noTruncate) throw new Error("read-only")
        fs.ftruncateSync(fd, length)
        log.push(`truncate ${length}`)
      }),
    write: () => Effect.die("unused"),
    // Others may run while a disk works.
    writeAll: (bytes) =>
      Effect.andThen(
        Effect.yieldNow,
        attempt("writeAll", () => writeAll(fd, bytes))
      )
  })
  const layer: Layer.Layer<FileSystem.FileSystem> = FileSystem.layerNoop({
    makeDirectory: (name) => attempt("mkdir", () => void fs.mkdirSync(name, { recursive: true })),
    exists: (name) => attempt("exists", () => fs.existsSync(name)),
    open: (name, how) =>
      Effect.acquireRelease(
        attempt("open", () => fs.openSync(name, how?.flag ?? "r")),
        (fd) => Effect.sync(() => fs.closeSync(fd))
      ).pipe(Effect.map(fileOf))
  })
  return { log, layer, repair: () => delete options.failAfter }
}

const infoOf = (stats: fs.Stats): FileSystem.File.Info => ({
  type: "File",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.bytes(stats.size),
  blksize: Option.none(),
  blocks: Option.none()
})

const real = { _tag: "Real", environment: "room", version: "1" } as const
const synthetic = {
  _tag: "Synthetic",
  model: "dreamer",
  modelVersion: 3,
  retrieved: [],
  reasoning: "",
  scores: {},
  cost: 0
} as const

/** A trajectory of one task per id, each turn an action and what it brought. */
export const trajectoryOf = (
  id: string,
  how: {
    readonly isReal?: boolean
    readonly turns?: ReadonlyArray<readonly [string, string]>
    readonly ending?: Trajectory.Trajectory["ending"]
    readonly policyVersion?: number
    readonly environment?: string
  } = {}
): Trajectory.Trajectory => {
  const turns = how.turns ?? [[`take ${id}`, `you hold ${id}`]]
  return {
    id: `trajectory-${id}`,
    task: {
      id,
      environment: how.environment ?? "room",
      instruction: `find ${id}`,
      seed: 0,
      payload: null,
      origin: Task.original
    },
    firstObservation: "a room",
    transitions: turns.map(([text, nextObservation], i) => ({
      observation: turns[i - 1]?.[1] ?? "a room",
      action: { text },
      reward: 0,
      nextObservation,
      provenance: how.isReal === false ? synthetic : real
    })),
    ending: how.ending ?? { _tag: "Terminated", success: false },
    policy: "tester",
    policyVersion: how.policyVersion ?? 0
  }
}

export const idsOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>): ReadonlyArray<string> =>
  trajectories.map(({ task }) => task.id)

export const add = (...trajectories: ReadonlyArray<Trajectory.Trajectory>) =>
  Contract.ReplayBuffer.use((buffer) => buffer.add(trajectories))

/** All that is kept. */
export const kept = Contract.ReplayBuffer.use((buffer) => Stream.runCollect(buffer.trajectories()))
