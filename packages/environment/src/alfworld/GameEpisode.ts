/**
 * A text game as an episode: reward 1 when the game is won, 0 before, and an end only there.
 * It has no step limit: the rollout has.
 *
 * States are immutable, so a fork shares everything with its origin and costs the same however long the episode is.
 */
import { Ending, Environment, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Game from "./Game.ts"
import * as SavedGame from "./SavedGame.ts"

/** Whose game it is: for errors and provenance. */
export interface World {
  readonly name: string
  readonly version: string
}

/**
 * `wording`: `either` (the default) also takes `put X in/on Y`, as prompts written for ALFWorld's older data say it, for
 * `move X to Y`; `current` answers it as the original does now, "Nothing happens.". `goal` replaces the goal sentence
 * of the opening text, in other words for the same goal.
 */
export interface Options {
  readonly wording?: "either" | "current"
  readonly goal?: string
}

/** Where an episode stands, as plain data: to be kept, sent, or gone back to. */
export const Snapshot = Schema.Struct({ game: SavedGame.SavedGame, isOver: Schema.Boolean })
export type Snapshot = typeof Snapshot.Type

/**
 * An episode that can be gone back in. All of it but `admissible` fails with `Closed` after the scope; `fork` and
 * `snapshot` also serve after the end, and `restore` to a state before the end opens the episode again.
 */
export interface GameEpisode extends Environment.Episode {
  readonly admissible: Effect.Effect<ReadonlyArray<string>>
  readonly snapshot: Effect.Effect<Snapshot, Environment.EnvironmentError>
  /** Answers with the last observation before the snapshot. A snapshot of another game fails with `BadData`. */
  readonly restore: (snapshot: Snapshot) => Effect.Effect<string, Environment.EnvironmentError>
  /** Another episode at the same state, closed with the scope it is made in; neither changes the other. */
  readonly fork: Effect.Effect<GameEpisode, Environment.EnvironmentError, Scope.Scope>
}

/** The game as an episode that closes with its scope. A step after the end or after the scope fails with `Closed`. */
export const open = (
  game: Game.Game,
  world: World,
  options: Options = {}
): Effect.Effect<GameEpisode, never, Scope.Scope> => {
  const state = Game.start(game)
  const { goal } = options
  const observation =
    goal === undefined ? state.observation : withGoal(state.observation, `${goal}.`)
  return play({ state, observation, isOver: false }, world, options.wording ?? "either")
}

/** `put X in/on Y`, as games before 2.1.3 had it, in today's words. */
export const modern = (command: string): string =>
  command.trim().replace(/^put (.+?) in\/on (.+)$/, "move $1 to $2")

const withGoal = (observation: string, goal: string): string =>
  observation.replace(/(Your task is to: ).*$/s, (_, words: string) => words + goal)

interface Moment {
  readonly state: Game.GameState
  readonly observation: string
  readonly isOver: boolean
}

const play = Effect.fn("GameEpisode.open")(function* (
  first: Moment,
  world: World,
  wording: "either" | "current"
) {
  let now = first
  let isOpen = true
  yield* Effect.addFinalizer(() => Effect.sync(() => (isOpen = false)))
  const whileOpen = <A, R>(
    use: Effect.Effect<A, Environment.EnvironmentError, R>
  ): Effect.Effect<A, Environment.EnvironmentError, R> =>
    Effect.suspend(() => (isOpen ? use : Effect.fail(closed(world))))
  const advance = ({ text }: Trajectory.Action): Environment.Step => {
    const state = Game.step(now.state, wording === "either" ? modern(text) : text)
    now = { state, observation: state.observation, isOver: state.won }
    return stepOf(state, world)
  }
  const goBack = (moment: Moment): string => {
    now = moment
    return moment.observation
  }
  const fork: GameEpisode["fork"] = whileOpen(Effect.suspend(() => play(now, world, wording)))
  const episode: GameEpisode = {
    observation: first.observation,
    step: (action) =>
      whileOpen(
        Effect.suspend(() =>
          now.isOver ? Effect.fail(closed(world)) : Effect.succeed(advance(action))
        )
      ),
    admissible: Effect.sync(() => now.state.admissible),
    snapshot: whileOpen(Effect.sync(() => snapshotOf(now))),
    restore: (snapshot) =>
      whileOpen(Effect.map(momentOf(snapshot, first.state.situation.game, world), goBack)),
    fork
  }
  return episode
})

const snapshotOf = ({ state, observation, isOver }: Moment): Snapshot => ({
  game: { ...SavedGame.save(state), observation },
  isOver
})

const momentOf = ({ game: saved, isOver }: Snapshot, game: Game.Game, world: World) =>
  Effect.fromResult(
    Result.mapBoth(SavedGame.resume(game, saved), {
      onSuccess: (state): Moment => ({ state, observation: saved.observation, isOver }),
      onFailure: (cause) =>
        new Environment.EnvironmentError({
          reason: "BadData",
          environment: world.name,
          message: cause.message,
          cause
        })
    })
  )

const stepOf = ({ observation, won }: Game.GameState, world: World): Environment.Step => ({
  observation,
  reward: won ? 1 : 0,
  ...(won ? { ending: Ending.terminated(true) } : {}),
  provenance: { _tag: "Real", environment: world.name, version: world.version }
})

const closed = ({ name }: World) =>
  new Environment.EnvironmentError({
    reason: "Closed",
    environment: name,
    message: "the episode has ended; start another one for the task"
  })
