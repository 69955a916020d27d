/**
 * What can go wrong with a run's files, with the file and the remedy.
 * A wrong setting is a `ConfigError`; a wrong world is an `EnvironmentError`.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** `file` is the path that could not be used; `message` names it and says what to do. */
export class RunError extends Schema.TaggedError<RunError>()("RunError", {
  reason: Schema.Literals([
    "DiskFull",
    "NotPermitted",
    "Missing",
    "Exists",
    "Damaged",
    "Busy",
    "ConfigChanged",
    "OtherVersion",
    "Unusable"
  ]),
  file: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** Names the file of a failed file operation, for `Effect.mapError`. */
export const atFile =
  (file: string) =>
  (error: PlatformError): RunError => {
    const [reason, remedy] = diagnosis(error)
    return new RunError({ reason, file, message: `${file}: ${remedy}`, cause: error })
  }

/** What to go on with where there is no such file; every other failure stays one. */
export const ifMissing =
  <B>(instead: () => B) =>
  <A, R>(read: Effect.Effect<A, RunError, R>): Effect.Effect<A | B, RunError, R> =>
    Effect.catchIf(
      read,
      ({ reason }) => reason === "Missing",
      () => Effect.sync(instead)
    )

type Diagnosis = readonly [RunError["reason"], string]

const byCode: Readonly<Record<string, Diagnosis>> = {
  ENOSPC: [
    "DiskFull",
    "the disk is full; what was saved is whole: make room, then `dreamgym resume` the run"
  ],
  EDQUOT: [
    "DiskFull",
    "the disk quota is used up; what was saved is whole: make room, then `dreamgym resume` the run"
  ],
  EIO: [
    "Unusable",
    "the disk failed to read or write it (EIO); check the disk, then `dreamgym resume` the run"
  ],
  EROFS: [
    "NotPermitted",
    "the disk is read-only; choose another folder with --set run.directory=PATH"
  ],
  ENOTDIR: [
    "Unusable",
    "a part of this path is a file, not a folder; choose another with --set run.directory=PATH"
  ]
}

const byTag: Readonly<Record<string, Diagnosis>> = {
  NotFound: ["Missing", "there is no such file"],
  PermissionDenied: [
    "NotPermitted",
    "it may not be written or read; change its permissions, or choose another folder with --set run.directory=PATH"
  ],
  AlreadyExists: [
    "Exists",
    "a file of this name is in the way; move it, or choose another folder with --set run.directory=PATH"
  ]
}

const diagnosis = (error: PlatformError): Diagnosis => {
  const { _tag: tag, cause } = error.reason
  const code =
    Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : ""
  return (
    byCode[code] ??
    byTag[tag] ?? [
      "Unusable",
      `the file system says: ${error.message}; mend that, or choose another folder with --set run.directory=PATH`
    ]
  )
}
