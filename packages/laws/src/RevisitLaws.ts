/**
 * The laws of episodes that can be gone back in: forked, kept and restored. Who searches in a world relies on them.
 * An episode that offers none of it needs only `EnvironmentLaws`.
 */
import type { Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { failsWith, law, same, type Suite } from "./Law.ts"

/** An episode that can be gone back in; `S` is what it keeps of a moment. `restore` answers with the observation of then. */
export interface Revisitable<S> extends Environment.Episode {
  readonly snapshot: Effect.Effect<S, Environment.EnvironmentError>
  readonly restore: (snapshot: S) => Effect.Effect<string, Environment.EnvironmentError>
  readonly fork: Effect.Effect<Revisitable<S>, Environment.EnvironmentError, Scope.Scope>
}

/** `actions` can be taken one after the other from the start; `start` is run once per law and more. */
export interface Options<S> {
  readonly name: string
  readonly start: Effect.Effect<Revisitable<S>, unknown, Scope.Scope>
  readonly actions: ReadonlyArray<string>
}

export const revisitLaws = <S>(options: Options<S>): Suite => ({
  name: `${options.name} can be gone back in`,
  laws: [
    forksAreEqual(options),
    forksAreIndependent(options),
    forksCloseAlone(options),
    restores(options),
    restoresExactly(options)
  ]
})

/** From the start, from the middle, and from before the last action. */
const cuts = <S>({ actions }: Options<S>) => [
  0,
  actions.length >> 1,
  Math.max(actions.length - 1, 0)
]

const atCuts = <S>(
  options: Options<S>,
  check: (
    episode: Revisitable<S>,
    way: ReadonlyArray<string>,
    rest: ReadonlyArray<string>
  ) => Effect.Effect<void, unknown, Scope.Scope>
) =>
  Effect.forEach(cuts(options), (cut) =>
    Effect.scoped(
      Effect.gen(function* () {
        const episode = yield* options.start
        const way = options.actions.slice(0, cut)
        yield* play(episode, way)
        yield* check(episode, way, options.actions.slice(cut))
      })
    )
  )

const forksAreEqual = <S>(options: Options<S>) =>
  law(
    "a fork is where its origin is",
    atCuts(options, (episode, _, rest) =>
      Effect.gen(function* () {
        const fork = yield* episode.fork
        yield* same("what the fork lists", yield* listed(fork), yield* listed(episode))
        const expected = yield* play(episode, rest)
        yield* same("the steps of the fork", yield* play(fork, rest), expected)
      })
    )
  )

const forksAreIndependent = <S>(options: Options<S>) =>
  law(
    "what is done in a fork does not change its origin, nor another fork",
    atCuts(options, (episode, _, rest) =>
      Effect.gen(function* () {
        const [first, second] = yield* Effect.all([episode.fork, episode.fork])
        const expected = yield* play(first, rest)
        yield* same("the steps of the origin", yield* play(episode, rest), expected)
        yield* same("the steps of the other fork", yield* play(second, rest), expected)
      })
    )
  )

const forksCloseAlone = <S>(options: Options<S>) =>
  law(
    "a fork closes with its own scope, and its origin goes on",
    atCuts(options, (episode, _, rest) =>
      Effect.gen(function* () {
        const fork = yield* Effect.scoped(episode.fork)
        const [next = ""] = rest
        yield* failsWith(
          "a step of a closed fork",
          fork.step({ text: next }),
          "EnvironmentError",
          "Closed"
        )
        yield* play(episode, rest)
      })
    )
  )

const restores = <S>(options: Options<S>) =>
  law(
    "what was kept can be gone back to, also after the end",
    atCuts(options, (episode, _, rest) =>
      Effect.gen(function* () {
        const kept = yield* episode.snapshot
        const before = yield* listed(episode)
        const expected = yield* play(episode, rest)
        // Twice, since what is kept is not used up.
        for (const again of ["again", "a third time"]) {
          yield* episode.restore(kept)
          yield* same(`what is listed ${again}`, yield* listed(episode), before)
          yield* same(`the steps ${again}`, yield* play(episode, rest), expected)
        }
      })
    )
  )

const restoresExactly = <S>(options: Options<S>) =>
  law(
    "to keep, go on, go back and keep again is to keep once",
    atCuts(options, (episode, way, rest) =>
      Effect.gen(function* () {
        const kept = yield* episode.snapshot
        yield* play(episode, rest.slice(0, 1))
        const observation = yield* episode.restore(kept)
        yield* same("what was kept", yield* episode.snapshot, kept)
        const fresh = yield* options.start
        const steps = yield* play(fresh, way)
        const expected = steps.at(-1)?.observation ?? fresh.observation
        yield* same("the observation of then", observation, expected)
      })
    )
  )

const listed = (episode: Environment.Episode) => episode.admissible ?? Effect.succeed([])

const play = (episode: Environment.Episode, actions: ReadonlyArray<string>) =>
  Effect.forEach(actions, (text) => episode.step({ text }))
