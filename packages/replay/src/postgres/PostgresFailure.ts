/**
 * Why a server would not do what it was asked, in the words of the contract, with the remedy.
 * It neither retries nor repairs, and never repeats a password.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import type * as SqlError from "effect/sql/SqlError"

type Failed = ReplayBuffer.ReplayBufferError
type Diagnosis = readonly [Failed["reason"], string]

const lost =
  "the connection was lost; what was acknowledged is kept, the rest may be added again: the same content is kept once"
const unreachable =
  "it cannot be reached; see that the server runs and that host and port are right"
const damaged = "its content is damaged; restore it from a copy"
const foreign = "a table is not as this program made it; name another schema"
const busy = "another process has held the buffer for too long; stop that one first (see pg_locks)"

/** By SQLSTATE, the whole of it before its class (two characters), or by what the operating system said. */
const diagnoses: Readonly<Record<string, Diagnosis>> = {
  "08": ["Io", lost],
  "22P05": ["Io", "its encoding cannot hold this text; use a database with the encoding UTF8"],
  "25": ["Io", lost],
  "28": ["Io", "it refused the user name or the password"],
  "3D": ["Io", "there is no such database; create it first"],
  "42": ["Corrupt", foreign],
  "42501": ["Io", "this user may not do that; grant it, or name a schema that the user owns"],
  "53": ["Io", "it is out of resources"],
  "53100": [
    "DiskFull",
    "there is no room to write; what was acknowledged is kept: make room and go on"
  ],
  "53300": ["Io", "it takes no more connections; raise max_connections or use fewer processes"],
  "55P03": ["Locked", busy],
  "57": ["Io", lost],
  "57P03": ["Io", "it is starting or stopping; try again"],
  "58": ["Io", "its disk failed"],
  "58030": ["Io", "its disk failed"],
  XX: ["Corrupt", damaged],
  ECONNREFUSED: ["Io", unreachable],
  ENOTFOUND: ["Io", unreachable],
  ENOENT: ["Io", unreachable]
}

/** What the driver knows where the server gave no code. */
const byTag: Readonly<Record<string, Diagnosis>> = {
  ConnectionError: ["Io", lost],
  AuthenticationError: ["Io", "it refused the user name or the password"],
  LockTimeoutError: ["Locked", busy]
}

/** `name` is the place as a person knows it: host, port, database and schema. */
export const failureOf = (name: string, { reason }: SqlError.SqlError): Failed => {
  const code = codeOf(reason.cause)
  const [why, remedy] = diagnoses[code] ??
    diagnoses[code.slice(0, 2)] ??
    byTag[reason._tag] ?? ["Io", "the database failed"]
  return failed(name, why, `${remedy} (${said(reason)})`)
}

/** Whether a table was asked that is not there. */
export const isMissingTable = (error: Failed | SqlError.SqlError): error is SqlError.SqlError =>
  error._tag === "SqlError" && codeOf(error.reason.cause) === "42P01"

/** An error that names the place. */
export const failed = (name: string, reason: Failed["reason"], message: string): Failed =>
  new ReplayBuffer.ReplayBufferError({ reason, file: name, message: `${name}: ${message}` })

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const said = ({ cause, message }: SqlError.SqlErrorReason): string => {
  const code = codeOf(cause)
  const text = cause instanceof Error ? cause.message : (message ?? "no reason was given")
  return code === "" ? text : `${text}, ${code}`
}
