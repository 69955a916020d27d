/**
 * Checkpoints: everything that a run needs to go on, saved whole or not at all.
 * It knows names and bytes; what they mean is the trainer's business.
 *
 * checkpoints/step-000020/{manifest.json, ...}, written aside, hashed and renamed; `latest` names the newest for people.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { damage, decode, encode, format, hash, type State } from "./CheckpointManifest.ts"
import * as DurableFile from "./DurableFile.ts"
import { atFile, ifMissing, RunError } from "./RunError.ts"
import { versions } from "./Versions.ts"

export type Files = Readonly<Record<string, Uint8Array>>

/** A checkpoint of which every byte was verified. `versions` are those that it was saved with. */
export interface Whole {
  readonly iteration: number
  readonly path: string
  readonly files: Files
  readonly state: State
  readonly versions: Readonly<Record<string, string>>
}

/** `skipped` are newer ones that cannot be used (torn, changed, of another version), newest first, each with its reason. */
export interface Checkpoint extends Whole {
  readonly skipped: ReadonlyArray<RunError>
}

/** A checkpoint and what was made of it. */
export interface Used<A> {
  readonly checkpoint: Checkpoint
  readonly value: A
}

/**
 * `keepLast`: older ones than the newest so many are removed, but not those whose iteration is a multiple of `keepEvery` (0: none).
 * Absent: all stay.
 */
export interface SaveOptions {
  readonly keepLast?: number
  readonly keepEvery?: number
}

/**
 * Saves `files` (plain names) and `state` as the checkpoint of `iteration` in the run's folder; gives its path.
 * It cannot be interrupted half-way; killed at any point, it leaves the checkpoints before it whole.
 */
export const save = Effect.fn("Checkpoint.save")(function* (
  directory: string,
  iteration: number,
  files: Files,
  state: State,
  options: SaveOptions = {}
) {
  const path = yield* Path.Path
  const home = path.join(directory, "checkpoints")
  const name = nameOf(iteration)
  const aside = path.join(home, `${name}.tmp`)
  yield* removeLeftovers(home)
  yield* DurableFile.makeDirectory(aside)
  for (const [file, bytes] of Object.entries(files)) {
    yield* DurableFile.write(path.join(aside, file), bytes)
  }
  const configHash = yield* hashOfConfig(directory)
  const manifest = encode({
    schema: format,
    iteration,
    configHash,
    versions: yield* versions,
    state,
    files: Object.entries(files).map(([file, bytes]) => ({
      name: file,
      bytes: bytes.length,
      sha256: hash(bytes)
    }))
  })
  yield* DurableFile.write(path.join(aside, "manifest.json"), new TextEncoder().encode(manifest))
  yield* DurableFile.syncDirectory(aside)
  yield* putInPlace(aside, path.join(home, name))
  yield* DurableFile.replace(path.join(directory, "latest"), `${name}\n`)
  yield* removeOld(home, options)
  return path.join(home, name)
}, Effect.uninterruptible)

/** The newest whole checkpoint of a run, whatever it is needed for. See `loadUsable`. */
export const loadLatest = (directory: string) =>
  Effect.map(
    loadUsable(directory, () => Effect.void),
    ({ checkpoint }) => checkpoint
  )

/**
 * The newest whole checkpoint of a run that `use` can use, and what it made of it. Where `use` fails as `Damaged`, as where a file
 * is torn, the one before is tried, and the reason is in `skipped`.
 * Fails where there is none, or where config.json is another one than that of the checkpoint.
 */
export const loadUsable = Effect.fn("Checkpoint.loadUsable")(function* <A, E, R>(
  directory: string,
  use: (checkpoint: Whole) => Effect.Effect<A, E | RunError, R>
) {
  const path = yield* Path.Path
  const home = path.join(directory, "checkpoints")
  const skipped: Array<RunError> = []
  for (const name of yield* candidates(directory, home)) {
    const loaded = yield* Effect.result(load(path.join(home, name)))
    if (Result.isFailure(loaded)) {
      skipped.push(loaded.failure)
      continue
    }
    const { configHash, ...checkpoint } = loaded.success
    yield* checkConfig(directory, configHash)
    const used = yield* Effect.result(use(checkpoint))
    if (Result.isSuccess(used)) {
      return { checkpoint: { ...checkpoint, skipped }, value: used.success }
    }
    if (!isDamage(used.failure)) return yield* Effect.fail(used.failure)
    skipped.push(used.failure)
  }
  return yield* noneOf(home, skipped)
})

const isDamage = (error: unknown): error is RunError =>
  error instanceof RunError && error.reason === "Damaged"

const noneOf = (home: string, [newest, ...others]: ReadonlyArray<RunError>): RunError =>
  newest === undefined
    ? new RunError({
        reason: "Missing",
        file: home,
        message: `${home}: this run has no checkpoint yet; start it again with \`dreamgym train\``
      })
    : new RunError({
        reason: newest.reason,
        file: newest.file,
        message: `${newest.message}; none of the ${others.length + 1} checkpoints can be used: restore the run's folder from a copy, or start again with \`dreamgym train\``
      })

/** Whether there is a checkpoint at all, whole or not. */
export const isAny = Effect.fn("Checkpoint.isAny")(function* (directory: string) {
  const path = yield* Path.Path
  return (yield* candidates(directory, path.join(directory, "checkpoints"))).length > 0
})

/** What the manifests of all checkpoints that are there say, newest first. Fails where one cannot be read. */
export const states = Effect.fn("Checkpoint.states")(function* (directory: string) {
  const path = yield* Path.Path
  const home = path.join(directory, "checkpoints")
  const names = (yield* namesIn(home)).filter(isCheckpoint).toSorted(newestFirst)
  return yield* Effect.forEach(names, (name) =>
    Effect.map(readManifest(path.join(home, name)), ({ state }) => state)
  )
})

/** One checkpoint, every byte of it verified. */
const load = Effect.fnUntraced(function* (folder: string) {
  const path = yield* Path.Path
  const manifest = yield* readManifest(folder)
  const files: Record<string, Uint8Array> = {}
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = path.join(folder, name)
    const content = yield* readFile(file)
    if (content.length !== bytes) {
      return yield* damage(file, `has ${content.length} of ${bytes} bytes`)
    }
    if (hash(content) !== sha256) return yield* damage(file, "is not what was saved")
    // A copy of its own: what the file system hands out may lie at an odd address in a shared buffer.
    files[name] = new Uint8Array(content)
  }
  const { configHash, iteration, state, versions: savedWith } = manifest
  return { iteration, path: folder, files, state, versions: savedWith, configHash }
})

const readManifest = Effect.fnUntraced(function* (folder: string) {
  const path = yield* Path.Path
  const file = path.join(folder, "manifest.json")
  return yield* decode(yield* readFile(file), file)
})

/** Newest first. What `latest` names counts even where it is gone, so that its loss is reported. */
const candidates = Effect.fnUntraced(function* (directory: string, home: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const pointer = yield* fileSystem
    .readFileString(path.join(directory, "latest"))
    .pipe(Effect.orElseSucceed(() => ""))
  const names = [...new Set([...(yield* namesIn(home)), pointer.trim()])]
  return names.filter(isCheckpoint).toSorted(newestFirst)
})

/** A folder that is not there has none. */
const namesIn = Effect.fnUntraced(function* (home: string) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* fileSystem.readDirectory(home).pipe(
    Effect.mapError(atFile(home)),
    ifMissing(() => new Array<string>())
  )
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

/** A run without a configuration has the hash "". */
const hashOfConfig = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, "config.json")
  return yield* fileSystem.readFile(file).pipe(
    Effect.mapError(atFile(file)),
    Effect.map(hash),
    ifMissing(() => "")
  )
})

/** One rename, or two where the same iteration was saved before; the old one counts until the new one is there. */
const putInPlace = Effect.fnUntraced(function* (aside: string, place: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const move = (from: string, to: string) =>
    fileSystem.rename(from, to).pipe(Effect.mapError(atFile(to)))
  if (yield* fileSystem.exists(place).pipe(Effect.mapError(atFile(place)))) {
    yield* removeAll(path.dirname(place), [`${path.basename(place)}.old`])
    yield* move(place, `${place}.old`)
  }
  yield* move(aside, place)
  yield* DurableFile.syncDirectory(path.dirname(place))
})

const removeOld = Effect.fnUntraced(function* (
  home: string,
  { keepEvery = 0, keepLast = Number.MAX_SAFE_INTEGER }: SaveOptions
) {
  const names = yield* namesIn(home)
  const older = names.filter(isPlaced).toSorted(newestFirst).slice(Math.max(1, keepLast))
  const isKept = (name: string) => keepEvery > 0 && iterationOf(name) % keepEvery === 0
  const gone = new Set(older.filter((name) => !isKept(name)))
  yield* removeAll(
    home,
    names.filter((name) => gone.has(name) || name.endsWith(".old"))
  )
})

/**
 * Each loses its name before its first file, so that one whose removal is killed is a leftover and not a torn checkpoint.
 * Nothing is lost where one cannot be removed, so that is no failure.
 */
const removeAll = Effect.fnUntraced(function* (home: string, names: ReadonlyArray<string>) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.forEach(names, (name) => {
    const place = path.join(home, name)
    const leftover = `${place}.tmp`
    return fileSystem
      .rename(place, leftover)
      .pipe(
        Effect.andThen(DurableFile.syncDirectory(home)),
        Effect.andThen(fileSystem.remove(leftover, { recursive: true, force: true })),
        Effect.ignore
      )
  })
})

const removeLeftovers = Effect.fnUntraced(function* (home: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fileSystem.readDirectory(home).pipe(Effect.orElseSucceed(() => []))
  yield* Effect.forEach(names.filter(isLeftover), (name) =>
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

const nameOf = (iteration: number): string => `step-${String(iteration).padStart(6, "0")}`
const isPlaced = (name: string): boolean => /^step-\d{6,}$/.test(name)
const isCheckpoint = (name: string): boolean => /^step-\d{6,}(\.old)?$/.test(name)
const isLeftover = (name: string): boolean => name.endsWith(".tmp")
const iterationOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? -1)
const newestFirst = (a: string, b: string): number =>
  iterationOf(b) - iterationOf(a) || a.length - b.length
