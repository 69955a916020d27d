/** Generated houses played to the end, for the tests of the household world. */
import {
  Ending,
  History,
  Seed,
  type Knowledge,
  type Policy,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import { Effect, Result } from "effect"
import * as Game from "../src/alfworld/Game.ts"
import * as Demonstrator from "../src/household/Demonstrator.ts"
import { nameOf } from "../src/household/Entity.ts"
import * as Generator from "../src/household/Generator.ts"
import * as HouseholdKnowledge from "../src/household/HouseholdKnowledge.ts"
import type * as Layout from "../src/household/Layout.ts"
import * as Rooms from "../src/household/Rooms.ts"
import { RungName, rungs } from "../src/household/Rung.ts"

export const rungNames = RungName.literals

/** Everything about one turn, before and after it. */
export interface Turn {
  readonly before: History.History
  readonly after: History.History
  readonly action: string
  readonly observation: string
  readonly admissible: ReadonlyArray<string>
  readonly isWon: boolean
}

export interface Played {
  readonly task: Task.Task
  readonly first: string
  readonly turns: ReadonlyArray<Turn>
}

const knowledges = new Map(
  rungNames.map((name) => [name, HouseholdKnowledge.ofRung(rungs[name])] as const)
)

export const knowledgeOf = (rung: RungName): Knowledge.Knowledge => {
  const knowledge = knowledges.get(rung)
  if (knowledge === undefined) throw new Error(rung)
  return knowledge
}

export const load = (task: Task.Task): Game.Game =>
  Result.getOrThrow(
    Game.load(Generator.generate(Result.getOrThrow(Generator.requestOf(task))), task.id)
  )

/** The names of the rooms that one walks through to a place. */
export const roomsBefore = ({ rooms }: Layout.Layout, place: number): ReadonlyArray<string> =>
  rooms === undefined
    ? []
    : Rooms.route(rooms, rooms.start, rooms.of[place] ?? -1).flatMap((index) =>
        rooms.rooms.slice(index, index + 1).map(nameOf)
      )

export const taskOf = (rung: RungName, seed: number): Task.Task => {
  const [task] = Generator.tasks({ rung, split: "train", count: 1, seed })
  if (task === undefined) throw new Error("no task")
  return task
}

/** The policy in the house of the task, up to the rung's step limit. */
export const play = (task: Task.Task, policy: Policy.Policy["Service"], limit: number): Played => {
  let state = Game.start(load(task))
  let history = History.start(state.observation)
  const turns: Array<Turn> = []
  while (turns.length < limit && !state.won) {
    const key = Seed.key(task.seed, "test/play", turns.length)
    const { text: action } = Effect.runSync(policy.act({ task, history, key }))
    const { admissible } = state
    state = Game.step(state, action)
    const before = history
    history = History.append(history, action, state.observation)
    turns.push({
      before,
      after: history,
      action,
      observation: state.observation,
      admissible,
      isWon: state.won
    })
  }
  return {
    task,
    first: History.turns(history).length === 0 ? state.observation : history.first,
    turns
  }
}

/** Games of these rungs, some played well, most of them badly and with impossible commands. */
export const games = (
  count: number,
  purpose: string,
  names: ReadonlyArray<RungName> = ["L0", "L1", "L2", "L3"]
): ReadonlyArray<Played & { rung: RungName }> =>
  Array.from({ length: count }, (_, index) => {
    const rung = names[index % names.length] ?? "L0"
    const randomRate = [0, 0.3, 0.6, 1][Math.floor(index / names.length) % 4] ?? 1
    const policy = Demonstrator.expert({ rung: rungs[rung], randomRate, invalidRate: 0.3 })
    const task = taskOf(rung, Seed.key(0, purpose, index))
    return { rung, ...play(task, policy, rungs[rung].stepLimit) }
  })

export const trajectoryOf = ({ task, first, turns }: Played): Trajectory.Trajectory => ({
  id: `test/${task.id}`,
  task,
  firstObservation: first,
  transitions: turns.map(({ before, action, observation, isWon }) => ({
    observation: History.observation(before),
    action: { text: action },
    reward: isWon ? 1 : 0,
    nextObservation: observation,
    provenance: { _tag: "Real", environment: "household", version: "1" }
  })),
  ending: turns.at(-1)?.isWon ? Ending.terminated(true) : Ending.truncated("StepLimit"),
  policy: "test",
  policyVersion: -1
})

/** Longest entry at each position after skipped blanks; undefined where none fits. */
export const tokenizer = (lexicon: ReadonlyArray<string>) => {
  const longest = lexicon.toSorted((left, right) => right.length - left.length)
  const encode = (text: string): ReadonlyArray<string> | undefined => {
    const tokens: Array<string> = []
    for (let at = 0; at < text.length;) {
      if (text[at] === " ") at++
      else {
        const token = longest.find((entry) => text.startsWith(entry, at))
        if (token === undefined) return undefined
        tokens.push(token)
        at += token.length
      }
    }
    return tokens
  }
  const decode = (tokens: ReadonlyArray<string>): string =>
    tokens.join(" ").replaceAll(/ (?=[.,])/g, "")
  return { encode, decode }
}
