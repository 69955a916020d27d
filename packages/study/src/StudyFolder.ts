/**
 * The files of a study in its folder: what was asked, the results, and the report that follows from both.
 * It runs nothing and needs no run: a folder with `study.json` and `results.jsonl` is a whole study.
 */
import * as DurableFile from "@dreamgym/pipeline/DurableFile"
import { atFile, ifMissing, RunError } from "@dreamgym/pipeline/RunError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Asked from "./Asked.ts"
import * as Ledger from "./Ledger.ts"
import * as StudyReport from "./StudyReport.ts"

/** What the folder says was asked; undefined where it says nothing. Fails as `Damaged` where that cannot be read. */
export const asked = Effect.fn("StudyFolder.asked")(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, StudyReport.askedFile)
  const text = yield* fileSystem.readFileString(file).pipe(
    Effect.mapError(atFile(file)),
    ifMissing(() => undefined)
  )
  const found = text === undefined ? undefined : Asked.parse(text)
  if (text !== undefined && found === undefined) return yield* damaged(file)
  return found
})

/** Notes what is asked, before anything has run. */
export const begin = Effect.fn("StudyFolder.begin")(function* (one: Asked.Asked) {
  const path = yield* Path.Path
  const files = StudyReport.files({ ...one, entries: [] })
  yield* DurableFile.makeDirectory(one.directory)
  const text = files.get(StudyReport.askedFile) ?? ""
  yield* DurableFile.replace(path.join(one.directory, StudyReport.askedFile), text)
})

/** Writes the report of what the ledger in `directory` has; gives the ledger's entries that are in it. */
export const report = Effect.fn("StudyFolder.report")(function* (
  one: Asked.Asked,
  directory: string
) {
  const entries = yield* wantedBy(one, directory)
  yield* save(directory, StudyReport.files({ ...one, entries }))
  return entries
})

/**
 * The same into a folder of its own, with the results that it is written from and nothing else; figures and data of an earlier one are
 * taken away. Fails as `Exists` where something lies there that is no study.
 */
export const publish = Effect.fn("StudyFolder.publish")(function* (
  one: Asked.Asked,
  directory: string,
  target: string
) {
  const entries = yield* wantedBy(one, directory)
  const files = new Map([
    ...StudyReport.files({ ...one, entries }),
    [Ledger.fileName, Ledger.textOf(entries)] as const
  ])
  yield* clear(target)
  yield* save(target, files)
  return entries
})

const wantedBy = Effect.fnUntraced(function* ({ units }: Asked.Asked, directory: string) {
  const wanted = new Set(units.map(({ id }) => id))
  return (yield* Ledger.read(directory)).filter(({ unit }) => wanted.has(unit))
})

const save = Effect.fnUntraced(function* (directory: string, files: ReadonlyMap<string, string>) {
  const path = yield* Path.Path
  for (const [name, text] of files) {
    const file = path.join(directory, name)
    yield* DurableFile.makeDirectory(path.dirname(file))
    yield* DurableFile.replace(file, text)
  }
})

const clear = Effect.fnUntraced(function* (target: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fileSystem.readDirectory(target).pipe(
    Effect.mapError(atFile(target)),
    ifMissing(() => new Array<string>())
  )
  if (names.length > 0 && !names.includes(StudyReport.askedFile)) {
    return yield* new RunError({
      reason: "Exists",
      file: target,
      message: `${target} is there already, and is no study: give --publish another folder`
    })
  }
  for (const name of ["figures", "data"].filter((one) => names.includes(one))) {
    const folder = path.join(target, name)
    yield* fileSystem.remove(folder, { recursive: true }).pipe(Effect.mapError(atFile(folder)))
  }
})

const damaged = (file: string): RunError =>
  new RunError({
    reason: "Damaged",
    file,
    message: `${file}: is no study of this version; remove it, and ask as it was asked, with part, --seeds and --rungs`
  })
