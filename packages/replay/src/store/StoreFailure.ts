/**
 * Why a database would not do what it was asked, in the words of the contract, with the remedy.
 * It neither retries nor repairs.
 */
import type { Failure } from "./StoreWire.ts"

/** Refused by us, not by SQLite. */
export class Refused extends Error {
  readonly reason: Failure["reason"]

  constructor(reason: Failure["reason"], message: string) {
    super(message)
    this.reason = reason
  }
}

type Diagnosis = readonly [Failure["reason"], string]

/** By SQLite's primary result code. */
const diagnoses: Readonly<Record<number, Diagnosis>> = {
  5: ["Locked", "another process writes to it; stop that one first, or name another file"],
  6: ["Locked", "another process writes to it; stop that one first, or name another file"],
  8: ["Io", "it may not be written; change its permissions, or name another file"],
  10: ["Io", "the disk would not read or write; what was acknowledged is kept: see to the disk"],
  11: ["Corrupt", "its content is damaged; move it away with its -wal, or restore it from a copy"],
  13: ["DiskFull", "there is no room to write; what was acknowledged is kept: make room and go on"],
  14: ["Io", "it cannot be opened; see that its folder is there and may be written"],
  26: ["Corrupt", "it is no database; move it away, or name another file"]
}

/** The message follows the name of the file. */
export const failureOf = (cause: unknown): Failure => {
  if (cause instanceof Refused) return { reason: cause.reason, message: cause.message }
  const said = cause instanceof Error ? cause.message : String(cause)
  const [reason, remedy] = diagnoses[codeOf(cause) & 0xff] ?? ["Io", "the database failed"]
  return { reason, message: `${remedy} (${said})` }
}

const codeOf = (cause: unknown): number =>
  cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode
    : 0
