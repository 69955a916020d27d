/**
 * The loaded models of a decoding, which hold the parameters as they were when they were loaded.
 * A new version of the parameters means new models: a quarter of a second for 4.5 million numbers.
 */
import { type Model, type Parameters, Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Config } from "../Config.ts"
import * as Loop from "./Loop.ts"
import * as Reading from "./Reading.ts"

/** What is loaded, and where. */
export interface Options {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  /** Tells when the parameters have changed. */
  readonly version: Effect.Effect<number>
  /** The longest text. */
  readonly capacity: number
  /** The thread of the pool; default the one with the fewest sessions. */
  readonly worker?: number
}

/** The kinds of model. */
export type Kind = "reading" | "loop" | "masked"

type Loaded = Session.Loaded

/** The models of one version of the parameters. */
export interface Sessions {
  /** Whether the parameters have changed since. */
  readonly isStale: Effect.Effect<boolean>
  /** Forgets the models; those asked for from now on have the parameters as they then are. */
  readonly renew: Effect.Effect<void>
  /** Loads a model when it is first asked for. */
  readonly get: (kind: Kind) => Effect.Effect<Loaded, Session.SessionError>
}

export const make = Effect.fn("Sessions.make")(function* (
  options: Options
): Effect.fn.Return<Sessions, never, Session.SessionPool | Scope.Scope> {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const loaded = new Map<Kind, Loaded>()
  let version: number | undefined
  let current = yield* Scope.fork(scope)
  const load = Effect.fnUntraced(function* (kind: Kind) {
    const placed = options.worker === undefined ? {} : { worker: options.worker }
    const session = yield* pool
      .load(models[kind](options), { name: `decoding (${kind})`, ...placed })
      .pipe(Effect.provideService(Scope.Scope, current))
    loaded.set(kind, session)
    return session
  })
  return {
    isStale: Effect.map(options.version, (now) => now !== version),
    renew: Effect.gen(function* () {
      yield* Scope.close(current, Exit.void)
      loaded.clear()
      current = yield* Scope.fork(scope)
      version = yield* options.version
    }),
    get: (kind) =>
      Effect.suspend(() => {
        const found = loaded.get(kind)
        return found === undefined ? load(kind) : Effect.succeed(found)
      })
  }
})

const models: { readonly [kind in Kind]: (options: Options) => Model.Model } = {
  reading: ({ capacity, config, parameters }) => Reading.model(config, parameters, capacity),
  loop: ({ capacity, config, parameters }) =>
    Loop.model({ config, parameters, positions: capacity, isMasked: false }),
  masked: ({ capacity, config, parameters }) =>
    Loop.model({ config, parameters, positions: capacity, isMasked: true })
}
