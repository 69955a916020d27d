/**
 * A program's caller: starts it in a thread, compiles what it waits for, and takes its result.
 * What the program does there is `SessionPrograms`' business.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Reference, Wanted } from "./Program.ts"
import { SessionError } from "./SessionError.ts"
import type { Host } from "./SessionHost.ts"
import type { PerformRequest } from "./SessionPrograms.ts"

/** A program at work, and who compiles the sessions that it lacks. */
interface Performance<Result> {
  readonly name: string
  readonly reference: Reference<Result>
  readonly open: (wanted: Wanted) => Effect.Effect<number, SessionError>
}

/**
 * What the program gives. One that is interrupted is dropped between two runs; a run that fails names its graph, the rest the
 * program.
 */
export const performed = <Result>(
  host: Host,
  request: Omit<PerformRequest, "kind" | "module">,
  { name, open, reference }: Performance<Result>
): Effect.Effect<Result, SessionError> =>
  Effect.gen(function* () {
    const { program } = request
    let answer = yield* host.call({ ...request, kind: "perform", module: reference.module.href })
    while (answer.wants !== undefined) {
      const session = yield* open(answer.wants)
      answer = yield* host.call({ kind: "resume", program, session })
    }
    const { result } = answer
    if (reference.isResult(result)) return result
    return yield* new SessionError({
      reason: "RunFailed",
      message: `its result is not what was expected: ${reference.module.href} is of another version`
    })
  }).pipe(
    Effect.mapError((error) => placed(error, name)),
    Effect.onExit((exit) =>
      Exit.isSuccess(exit)
        ? Effect.void
        : Effect.ignore(host.call({ kind: "abandon", program: request.program }))
    )
  )

const placed = ({ graph, message, node, reason }: SessionError, name: string) =>
  new SessionError({
    reason,
    graph: graph ?? name,
    ...(node === undefined ? {} : { node }),
    message: graph === undefined ? `${name}: ${message}` : message
  })
