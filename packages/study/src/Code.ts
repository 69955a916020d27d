/**
 * Which code a result was made with: the commit of the checkout that the program runs from.
 * It refuses nothing: two commits may give the same results. An installed package has none to tell.
 */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"

/** `commit`: the full name of HEAD; `isChanged`: tracked files differ from it. */
export const Code = Schema.Struct({ commit: Schema.String, isChanged: Schema.Boolean })
export interface Code extends Schema.Schema.Type<typeof Code> {}

/** That of the folder; undefined where git is not there, or the folder is no checkout's. */
export const at = Effect.fn("Code.at")(
  function* (folder: string) {
    const commit = yield* said(folder, ["rev-parse", "HEAD"])
    const changes = yield* said(folder, ["status", "--porcelain", "--untracked-files=no"])
    const code: Code = { commit, isChanged: changes !== "" }
    return /^[0-9a-f]{40,64}$/.test(commit) ? code : undefined
  },
  Effect.scoped,
  Effect.orElseSucceed((): Code | undefined => undefined)
)

/** That of this very program. An installed package may lie in somebody else's checkout, which is not its own. */
export const own = Effect.suspend(() => {
  const folder = fileURLToPath(new URL(".", import.meta.url))
  return folder.includes("node_modules") ? Effect.undefined : at(folder)
})

/** What git says; without its locks, so that it disturbs nobody at work there. */
const said = Effect.fnUntraced(function* (folder: string, args: ReadonlyArray<string>) {
  const child = yield* ChildProcess.make("git", ["--no-optional-locks", "-C", folder, ...args], {
    stdin: "ignore",
    stderr: "ignore"
  })
  const text = yield* Stream.mkString(Stream.decodeText(child.stdout))
  return text.trim()
})

/** The commits by their first twelve digits, each once, "+" where files had been changed: "1a2b3c4d5e6f, 1a2b3c4d5e6f+". */
export const words = (codes: ReadonlyArray<Code | undefined>): string =>
  [
    ...new Set(
      codes.flatMap((code) =>
        code === undefined ? [] : [`${code.commit.slice(0, 12)}${code.isChanged ? "+" : ""}`]
      )
    )
  ].join(", ")
