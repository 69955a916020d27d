/**
 * A text game as an episode: reward 1 when the game is won, 0 before, and an end only there.
 * It has no step limit: the rollout has.
 */
import { Ending, Environment, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Game from "./Game.ts"

/** Whose game it is: for errors and provenance. */
export interface World {
  readonly name: string
  readonly version: string
}

/**
 * The game as an episode that closes with its scope. A step after the end or after the scope fails with `Closed`.
 * Prompts written for ALFWorld's older data say `put X in/on Y`; that is understood as `move X to Y`.
 */
export const open = Effect.fn("GameEpisode.open")(function* (game: Game.Game, world: World) {
  let state = Game.start(game)
  let isOpen = true
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isOpen = false
    })
  )
  const advance = (action: Trajectory.Action): Environment.Step => {
    state = Game.step(state, modern(action.text))
    isOpen = !state.won
    return stepOf(state, world)
  }
  const episode: Environment.Episode = {
    observation: state.observation,
    step: (action) =>
      Effect.suspend(() => (isOpen ? Effect.succeed(advance(action)) : Effect.fail(closed(world)))),
    admissible: Effect.sync(() => state.admissible)
  }
  return episode
})

/** `put X in/on Y`, as games before 2.1.3 had it, in today's words. */
export const modern = (command: string): string =>
  command.trim().replace(/^put (.+?) in\/on (.+)$/, "move $1 to $2")

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
