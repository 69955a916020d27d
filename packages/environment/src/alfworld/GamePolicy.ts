/**
 * Policies that know the game they play: planners, demonstrators, and play at random among what does something.
 * They see what no agent may see; an agent that reads the text is `Expert`, or is learned.
 */
import { type Environment, History, Policy, Seed, type Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Game from "./Game.ts"
import { modern } from "./GameEpisode.ts"

/** The game of a task: `AlfWorld.game` of an environment, for instance. */
export type GameOf = (task: Task.Task) => Effect.Effect<Game.Game, Environment.EnvironmentError>

/** Chooses a command in a state; `key` is the random key of the decision. */
export type Choose = (
  state: Game.GameState,
  decision: Policy.Decision
) => Effect.Effect<string, Policy.PolicyError>

/** The choice as a policy: the history is played on the game, and what comes next chosen there. */
export const make = (name: string, gameOf: GameOf, choose: Choose): Policy.Policy["Service"] => ({
  name,
  version: Effect.succeed(-1),
  act: Effect.fn("GamePolicy.act")(function* (decision) {
    const game = yield* Effect.mapError(
      gameOf(decision.task),
      (cause) =>
        new Policy.PolicyError({
          reason: "Unavailable",
          policy: name,
          message: cause.message,
          cause
        })
    )
    return { text: yield* choose(stateAfter(game, decision.history), decision) }
  })
})

const recalls = new WeakMap<Game.Game, (history: History.History) => Game.GameState>()

/** Where a game stands after a history, told in today's words or the older ones. One step for each further turn. */
export const stateAfter = (game: Game.Game, history: History.History): Game.GameState => {
  const recall = recalls.get(game) ?? History.memoizedFold(() => Game.start(game), afterTurn)
  recalls.set(game, recall)
  return recall(history)
}

/** Only the answer tells whether the episode took the old words for what they mean. */
const afterTurn = (before: Game.GameState, { action, observation }: History.Turn) => {
  const after = Game.step(before, action)
  return after.observation === observation ? after : Game.step(before, modern(action))
}

/** Any admissible command, each equally likely. */
export const random = (gameOf: GameOf): Policy.Policy["Service"] =>
  make("alfworld-random", gameOf, (state, { key }) =>
    Effect.succeed(anyOf(state, Seed.generator(key)))
  )

/** `rate`: the share of decisions, in [0, 1], at which a random admissible command is said instead. */
export interface Straying {
  readonly rate: number
}

/** Another policy that now and then strays: its episodes show how one gets back on the way. */
export const noisy = (
  base: Policy.Policy["Service"],
  gameOf: GameOf,
  { rate }: Straying
): Policy.Policy["Service"] =>
  make(`${base.name}-straying-${rate}`, gameOf, (state, decision) => {
    const draw = Seed.generator(Seed.key(decision.key, "alfworld/straying"))
    return draw() < rate
      ? Effect.succeed(anyOf(state, draw))
      : Effect.map(base.act(decision), ({ text }) => text)
  })

/** `look` changes nothing, where nothing at all can be done. */
const anyOf = ({ admissible }: Game.GameState, draw: () => number): string =>
  admissible[Seed.below(draw, admissible.length)] ?? "look"
