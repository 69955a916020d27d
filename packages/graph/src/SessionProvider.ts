/**
 * The execution provider of a pool: the one that was asked for, if it really runs something.
 * Nothing is believed: a graph is run there, and the runtime's profile says who ran its nodes.
 */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Result from "effect/Result"
import * as os from "node:os"
import * as Model from "./Model.ts"
import * as ProbeGraph from "./ProbeGraph.ts"
import * as Provider from "./Provider.ts"
import type { LoadRequest } from "./SessionEngine.ts"
import { SessionError } from "./SessionError.ts"
import type { Host } from "./SessionHost.ts"

/** A provider that works, and who ran how many nodes of the graph that was tried there. */
export interface Provided {
  readonly provider: Provider.Provider
  readonly placement: Provider.Placement
}

/** The system and processor, as in `linux/x64`. */
export const platform = `${os.platform()}/${os.arch()}`

const size = { batch: 2, length: 8, vocabulary: 16, width: 8, heads: 2 }

/** Tries a provider in a thread. Fails with what happened instead, and what would add it. */
export const tried = (
  host: Host,
  provider: Provider.Provider,
  options: LoadRequest["options"]
): Effect.Effect<Provided, SessionError> =>
  Effect.gen(function* () {
    const { bytes, inputs, outputs } = Model.of(ProbeGraph.lossAndGradient(size), {
      isPortable: true
    })
    const shared = { inputs, outputs, providers: [provider], options }
    const { outputs: counts } = yield* host.call({ kind: "probe", model: bytes, ...shared })
    const placement = Record.map(counts, ([count = 0]) => Number(count))
    const problem = Provider.misplaced(provider, placement)
    if (problem === undefined) return { provider, placement }
    return yield* new SessionError({ reason: "NoProvider", message: problem })
  }).pipe(Effect.mapError((error) => unprovided(provider, error)))

/** The provider that was asked for, or the first that works. */
export const found = (
  host: Host,
  choice: Provider.Choice,
  options: LoadRequest["options"]
): Effect.Effect<Provided, SessionError> =>
  choice === "auto" ? firstOf(host, options) : tried(host, choice, options)

const firstOf = Effect.fnUntraced(function* (host: Host, options: LoadRequest["options"]) {
  let problem: SessionError | undefined
  for (const provider of Provider.names) {
    const attempt = yield* Effect.result(tried(host, provider, options))
    if (Result.isSuccess(attempt)) return attempt.success
    problem = attempt.failure
  }
  return yield* problem ?? unprovided("cpu", undefined)
})

/** What the runtime's own checks say before they come to the point. */
const broken = /^\/onnxruntime_src\S+ .* was false\. /

const unprovided = (provider: Provider.Provider, error: SessionError | undefined) => {
  if (error !== undefined && error.reason !== "NoProvider") return error
  const said = (error?.message ?? "nothing was tried").replaceAll(/\s+/g, " ").trim()
  const cause = said.replace(/^Error: /, "").replace(broken, "")
  const message = notWorking(provider) + cause + remedyOf(provider)
  return new SessionError({ reason: "NoProvider", message })
}

const notWorking = (provider: Provider.Provider) =>
  `the execution provider ${provider} does not work here: `

const remedyOf = (provider: Provider.Provider) =>
  `; what to do: ${Provider.remedy(provider, platform)}`

/** What went wrong, without where and what would help. */
export const problemOf = (provider: Provider.Provider, { message }: SessionError): string =>
  message.replace(notWorking(provider), "").replace(remedyOf(provider), "")
