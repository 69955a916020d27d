/**
 * Checkpoints: everything that a run needs to go on, saved whole or not at all.
 * It knows names and bytes; what they mean is the trainer's business.
 *
 * checkpoints/step-000020/{manifest.json, ...}, written aside, hashed and renamed; `latest` names the newest for people.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as DurableFile from "./DurableFile.ts"
import { atFile, RunError } from "./RunError.ts"

const Body = Schema.Struct({
  schema: Schema.Literal(1),
  iteration: Schema.Int,
  /** sha-256 of the run's config.json; empty where there is none. */
  configHash: Schema.String,
  files: Schema.Array(
    Schema.Struct({ name: Schema.String, bytes: Schema.Int, sha256: Schema.String })
  ),
  meta: Schema.Json
})

/** `sha256` is of the body's JSON, so that no byte of the manifest can change unseen. */
const Manifest = Schema.fromJsonString(Schema.Struct({ body: Body, sha256: Schema.String }))

export type Files = Readonly<Record<string, Uint8Array>>

/** A whole checkpoint. `damaged` are newer ones that are torn or changed, newest first: they were not used. */
export interface Checkpoint {
  readonly iteration: number
  readonly path: string
  readonly files: Files
  readonly meta: Schema.Json
  readonly damaged: ReadonlyArray<RunError>
}

/** `keepLast`: older ones than the newest so many are removed; absent: all stay. */
export interface SaveOptions {
  readonly keepLast?: number
}

/**
 * Saves `files` (plain names) and `meta` as the checkpoint of `iteration` in the run's folder; gives its path.
 * It cannot be interrupted half-way; killed at any point, it leaves the checkpoints before it whole.
 */
export const save = Effect.fn("Checkpoint.save")(function* (
  directory: string,
  iteration: number,
  files: Files,
  meta: Schema.Json = {},
  options: SaveOptions = {}
) {
  const path = yield* Path.Path
  const home = path.join(directory, "checkpoints")
  const name = nameOf(iteration)
  const aside = path.join(home, `${name}.tmp`)
  yield* removeAll(home, isLeftover)
  yield* DurableFile.makeDirectory(aside)
  for (const [file, bytes] of Object.entries(files)) {
    yield* DurableFile.write(path.join(aside, file), bytes)
  }
  const configHash = yield* hashOfConfig(directory)
  const manifest = manifestOf({ iteration, configHash, meta, files })
  yield* DurableFile.write(path.join(aside, "manifest.json"), new TextEncoder().encode(manifest))
  yield* DurableFile.syncDirectory(aside)
  yield* putInPlace(aside, path.join(home, name))
  yield* DurableFile.replace(path.join(directory, "latest"), `${name}\n`)
  yield* removeOld(home, options.keepLast)
  return path.join(home, name)
}, Effect.uninterruptible)

/**
 * The newest whole checkpoint of a run. Each newer one that is not whole is reported in `damaged`.
 * Fails where there is none, or where config.json is another one than that of the checkpoint.
 */
export const loadLatest = Effect.fn("Checkpoint.loadLatest")(function* (directory: string) {
  const path = yield* Path.Path
  const home = path.join(directory, "checkpoints")
  const damaged: Array<RunError> = []
  for (const name of yield* candidates(directory, home)) {
    const loaded = yield* Effect.result(load(path.join(home, name)))
    if (Result.isSuccess(loaded)) {
      const { configHash, ...checkpoint } = loaded.success
      yield* checkConfig(directory, configHash)
      return { ...checkpoint, damaged }
    }
    damaged.push(loaded.failure)
  }
  const [newest] = damaged
  return yield* newest === undefined
    ? new RunError({
        reason: "Missing",
        file: home,
        message: `${home}: this run has no checkpoint yet; start it again with \`dreamgym train\``
      })
    : new RunError({
        reason: "Damaged",
        file: newest.file,
        message: `${newest.message}; none of the ${damaged.length} checkpoints is whole: restore ${home} from a copy, or start again with \`dreamgym train\``
      })
})

/** One checkpoint, every byte of it verified. */
const load = Effect.fnUntraced(function* (folder: string) {
  const path = yield* Path.Path
  const manifestFile = path.join(folder, "manifest.json")
  const { body } = yield* readFile(manifestFile).pipe(Effect.flatMap(decodeManifest(manifestFile)))
  const files: Record<string, Uint8Array> = {}
  for (const { name, bytes, sha256 } of body.files) {
    const file = path.join(folder, name)
    const content = yield* readFile(file)
    if (content.length !== bytes) {
      return yield* damage(file, `has ${content.length} of ${bytes} bytes`)
    }
    if (hash(content) !== sha256) return yield* damage(file, "is not what was saved")
    // A copy of its own: what the file system hands out may lie at an odd address in a shared buffer.
    files[name] = new Uint8Array(content)
  }
  const { configHash, iteration, meta } = body
  return { iteration, path: folder, files, meta, configHash }
})

const decodeManifest = (file: string) => (bytes: Uint8Array) =>
  Schema.decodeUnknownEffect(Manifest)(new TextDecoder().decode(bytes)).pipe(
    Effect.mapError(() => damage(file, "cannot be read")),
    Effect.filterOrFail(
      ({ body, sha256 }) => hash(JSON.stringify(body)) === sha256,
      () => damage(file, "is not what was saved")
    )
  )

const manifestOf = (options: {
  readonly iteration: number
  readonly configHash: string
  readonly meta: Schema.Json
  readonly files: Files
}): string => {
  const files = Object.entries(options.files).map(([name, bytes]) => ({
    name,
    bytes: bytes.length,
    sha256: hash(bytes)
  }))
  const { configHash, iteration, meta } = options
  const body = Schema.decodeUnknownSync(Schema.fromJsonString(Body))(
    JSON.stringify({ schema: 1, iteration, configHash, files, meta })
  )
  return JSON.stringify({ body, sha256: hash(JSON.stringify(body)) })
}

/** Newest first. What `latest` names counts even where it is gone, so that its loss is reported. */
const candidates = Effect.fnUntraced(function* (directory: string, home: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = yield* fileSystem.readDirectory(home).pipe(Effect.orElseSucceed(() => []))
  const pointer = yield* fileSystem
    .readFileString(path.join(directory, "latest"))
    .pipe(Effect.orElseSucceed(() => ""))
  return [...new Set([...found, pointer.trim()])].filter(isCheckpoint).toSorted(newestFirst)
})

const checkConfig = Effect.fnUntraced(function* (directory: string, configHash: string) {
  const path = yield* Path.Path
  const file = path.join(directory, "config.json")
  if ((yield* hashOfConfig(directory)) !== configHash) {
    return yield* new RunError({
      reason: "ConfigChanged",
      file,
      message: `${file}: it is not the one of the checkpoint; restore it, or start another run with \`dreamgym train\``
    })
  }
})

const hashOfConfig = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* fileSystem.readFile(path.join(directory, "config.json")).pipe(
    Effect.map(hash),
    Effect.orElseSucceed(() => "")
  )
})

/** One rename, or two where the same iteration was saved before; the old one counts until the new one is there. */
const putInPlace = Effect.fnUntraced(function* (aside: string, place: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const move = (from: string, to: string) =>
    fileSystem.rename(from, to).pipe(Effect.mapError(atFile(to)))
  if (yield* fileSystem.exists(place).pipe(Effect.mapError(atFile(place)))) {
    yield* removeAll(path.dirname(place), (name) => name === `${path.basename(place)}.old`)
    yield* move(place, `${place}.old`)
  }
  yield* move(aside, place)
  yield* DurableFile.syncDirectory(path.dirname(place))
})

const removeOld = Effect.fnUntraced(function* (home: string, keepLast = Number.MAX_SAFE_INTEGER) {
  const fileSystem = yield* FileSystem.FileSystem
  const names = yield* fileSystem.readDirectory(home).pipe(Effect.mapError(atFile(home)))
  const gone = new Set(names.filter(isPlaced).toSorted(newestFirst).slice(Math.max(1, keepLast)))
  yield* removeAll(home, (name) => gone.has(name) || name.endsWith(".old"))
})

/** Nothing is lost where a leftover cannot be removed, so that is no failure. */
const removeAll = Effect.fnUntraced(function* (home: string, isGone: (name: string) => boolean) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fileSystem.readDirectory(home).pipe(Effect.orElseSucceed(() => []))
  yield* Effect.forEach(names.filter(isGone), (name) =>
    Effect.ignore(fileSystem.remove(path.join(home, name), { recursive: true, force: true }))
  )
})

const readFile = (file: string) =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((fileSystem) => fileSystem.readFile(file)),
    Effect.mapError((error) =>
      error.reason._tag === "NotFound" ? damage(file, "is missing") : atFile(file)(error)
    )
  )

const damage = (file: string, what: string): RunError =>
  new RunError({ reason: "Damaged", file, message: `${file}: the checkpoint's file ${what}` })

const hash = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex")

const nameOf = (iteration: number): string => `step-${String(iteration).padStart(6, "0")}`
const isPlaced = (name: string): boolean => /^step-\d{6,}$/.test(name)
const isCheckpoint = (name: string): boolean => /^step-\d{6,}(\.old)?$/.test(name)
const isLeftover = (name: string): boolean => name.endsWith(".tmp")
const iterationOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? -1)
const newestFirst = (a: string, b: string): number =>
  iterationOf(b) - iterationOf(a) || a.length - b.length
