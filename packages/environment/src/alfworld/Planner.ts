/**
 * A planner over the engine: finds the commands that win a game, by A* search through its states.
 * It sees everything, so it judges games and shows what is possible; it is no policy to learn from by sight.
 *
 * In a household the estimate that leads it is nearly the plan itself, and seldom more than the truth; plans are as
 * short as can be there but for rare ties. In other domains it counts what the goal still lacks.
 */
import { Policy } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Ground from "../pddl/Ground.ts"
import type { State } from "../pddl/State.ts"
import * as Game from "./Game.ts"
import * as GamePolicy from "./GamePolicy.ts"
import { estimate, householdOf } from "./planner/Errand.ts"
import { holds, waysOf } from "./planner/GoalFacts.ts"

/** `expansions`: how many states may be looked into; 5,000 where absent, of which a real game needs some dozens. */
export interface Budget {
  readonly expansions?: number
}

/** `exhausted`: no reachable state wins. `budget`: none was found in time, there may be one. */
export class PlannerError extends Schema.TaggedError<PlannerError>()("PlannerError", {
  reason: Schema.Literals(["exhausted", "budget"]),
  expansions: Schema.Int
}) {
  override get message(): string {
    return this.reason === "exhausted"
      ? `no state that can be reached wins (${this.expansions} looked into)`
      : `no plan among ${this.expansions} states; give a larger budget of expansions`
  }
}

/** The commands from a state to a win; none where it is won already. */
export const plan = (
  from: Game.GameState,
  { expansions = 5000 }: Budget = {}
): Result.Result<ReadonlyArray<string>, PlannerError> => {
  const { game } = from.situation
  const lacking = lackingIn(game)
  const keyOf = keysOf(game)
  const frontier = queue()
  const known = new Map<string, number>()
  const reach = (node: Node): void => {
    const key = keyOf(node.state.situation.state)
    if ((known.get(key) ?? Infinity) <= node.steps) return
    known.set(key, node.steps)
    frontier.add(node, node.steps, lacking(node.state.situation.state))
  }
  reach({ state: from, steps: 0, command: "", before: undefined })
  for (let count = 0; count < expansions; count++) {
    const node = frontier.take()
    if (node === undefined) {
      return Result.fail(new PlannerError({ reason: "exhausted", expansions: count }))
    }
    if (node.state.won) return Result.succeed(commandsTo(node))
    for (const next of successors(node)) reach(next)
  }
  return Result.fail(new PlannerError({ reason: "budget", expansions }))
}

/** The planner as a policy, from wherever the episode stands. A game that it cannot win fails as `NoAdmissibleAction`. */
export const policy = (
  gameOf: GamePolicy.GameOf,
  budget: Budget = {}
): Policy.Policy["Service"] => {
  const name = "alfworld-planner"
  return GamePolicy.make(name, gameOf, (state, { task }) =>
    Effect.fromResult(
      Result.mapBoth(plan(state, budget), {
        onSuccess: (commands) => commands[0] ?? "look",
        onFailure: (cause) => {
          const message = `task ${task.id}: ${cause.message}`
          return new Policy.PolicyError({
            reason: "NoAdmissibleAction",
            policy: name,
            message,
            cause
          })
        }
      })
    )
  )
}

interface Node {
  readonly state: Game.GameState
  readonly steps: number
  readonly command: string
  readonly before: Node | undefined
}

const commandsTo = (last: Node): ReadonlyArray<string> => {
  const commands: Array<string> = []
  for (let node: Node | undefined = last; node?.before !== undefined; node = node.before) {
    commands.push(node.command)
  }
  return commands.toReversed()
}

const successors = (node: Node): ReadonlyArray<Node> => {
  const { choices, game, state } = node.state.situation
  return choices()
    .lists.flat()
    .map(({ command, move, objects }) => {
      const after = Ground.apply(game.setting, state, move.action, objects)
      return { state: Game.at(game, after, ""), steps: node.steps + 1, command, before: node }
    })
}

/** How much is missing to the goal, in commands, or where that is not known in facts or not at all (0). */
const lackingIn = (game: Game.Game): ((state: State) => number) => {
  const ways = waysOf(game)
  if (ways === undefined) return () => 0
  const household = householdOf(game)
  if (household !== undefined) return estimate(ways, household)
  return (state) => Math.min(...ways.map((way) => way.filter((fact) => !holds(fact, state)).length))
}

/** Tells states apart by the facts that decide what can be done and whether it is won. */
const keysOf = (game: Game.Game): ((state: State) => string) => {
  const actions = game.moves.map(({ action }) => action)
  const read = new Set([
    ...actions.flatMap(({ reads }) => reads),
    ...Ground.predicatesOf(game.setting)
  ])
  const telling = [...Ground.changedBy(actions)].filter((predicate) => read.has(predicate))
  const { initial } = game.setting
  return (state) =>
    telling
      .map((predicate) =>
        state[predicate] === initial[predicate] ? "=" : (state[predicate]?.facts.join(",") ?? "")
      )
      .join(";")
}

/** The lowest sum of steps and lack first; of those the lowest lack; of those the latest. */
const queue = () => {
  const stacks = new Map<number, Map<number, Array<Node>>>()
  const lowest = (numbers: Iterable<number>): number => Math.min(...numbers)
  return {
    add: (node: Node, steps: number, lack: number): void => {
      if (lack === Infinity) return
      const byLack = stacks.get(steps + lack) ?? new Map<number, Array<Node>>()
      stacks.set(steps + lack, byLack)
      const stack = byLack.get(lack)
      if (stack === undefined) byLack.set(lack, [node])
      else stack.push(node)
    },
    take: (): Node | undefined => {
      const sum = lowest(stacks.keys())
      const byLack = stacks.get(sum) ?? new Map<number, Array<Node>>()
      const lack = lowest(byLack.keys())
      const stack = byLack.get(lack)
      const node = stack?.pop()
      if (stack?.length === 0) byLack.delete(lack)
      if (byLack.size === 0) stacks.delete(sum)
      return node
    }
  }
}
