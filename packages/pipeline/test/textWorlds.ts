/**
 * Two worlds of text whose best return is known by arithmetic, for tests of learners behind the real decoder and `LanguagePolicy`:
 * a bandit of three arms, and two doors of which the worse one pays at once.
 */
import { Ending, type Environment, History, type Knowledge, Seed, Task } from "@dreamgym/domain"
import { Tokenizer } from "@dreamgym/language"
import * as Effect from "effect/Effect"

/** What an action of a text world brings, and whether it ends there. */
interface Reply {
  readonly observation: string
  readonly reward: number
  readonly isOver: boolean
}

/** A world as a pure function of seed, turn and action; `wise` is the best policy, `best` its expected return. */
export interface TextWorld {
  readonly name: string
  readonly best: number
  readonly first: string
  readonly words: ReadonlyArray<string>
  readonly wise: (observation: string) => string
  readonly admissible: (observation: string) => ReadonlyArray<string>
  readonly reply: (seed: number, turn: number, action: string) => Reply
}

const chance = (seed: number, purpose: string): number => Seed.generator(Seed.key(seed, purpose))()

const arms: Readonly<Record<string, number>> = {
  pull: 0.2,
  "pull hard": 0.5,
  "pull hard twice": 0.9
}

/** The longest action is the best: a learner that weighs tokens instead of actions is slow here. */
export const bandit: TextWorld = {
  name: "bandit",
  best: 0.9,
  first: "three arms",
  words: ["three arms", "pull", "hard", "twice", "nothing", "a coin"],
  wise: () => "pull hard twice",
  admissible: () => Object.keys(arms),
  reply: (seed, _turn, action) => {
    const reward = chance(seed, action) < (arms[action] ?? 0) ? 1 : 0
    return { observation: reward === 1 ? "a coin" : "nothing", reward, isOver: true }
  }
}

const keys = ["gold key", "iron key"]

/** The red door pays 0.3 and ends; behind the green one lies a key, and to name it pays 1. To guess wrong pays nothing. */
export const doors: TextWorld = {
  name: "doors",
  best: 1,
  first: "two doors",
  words: ["two doors", "open", "take", "red door", "green door", ...keys, "a coin", "nothing"],
  wise: (observation) => (observation === "two doors" ? "open green door" : `take ${observation}`),
  admissible: (observation) =>
    observation === "two doors"
      ? ["open red door", "open green door"]
      : keys.map((key) => `take ${key}`),
  reply: (seed, turn, action) => {
    const key = chance(seed, "key") < 0.5 ? "gold key" : "iron key"
    if (turn === 0) {
      return action === "open red door"
        ? { observation: "a coin", reward: 0.3, isOver: true }
        : { observation: key, reward: 0, isOver: false }
    }
    const isRight = action === `take ${key}`
    return { observation: isRight ? "a coin" : "nothing", reward: isRight ? 1 : 0, isOver: true }
  }
}

/** What the best policy earns in the world of this seed. */
export const earnedBy = ({ first, reply, wise }: TextWorld, seed: number): number => {
  let [observation, earned] = [first, 0]
  for (let turn = 0; ; turn++) {
    const next = reply(seed, turn, wise(observation))
    observation = next.observation
    earned += next.reward
    if (next.isOver) return earned
  }
}

export const tokenizerOf = ({ words }: TextWorld) => Tokenizer.make(words)

/** The state is what is seen now. Nothing here is dreamt, so there is nothing to explain or to judge. */
export const knowledgeOf = ({ admissible }: TextWorld): Knowledge.Knowledge => ({
  features: [],
  lexicon: [],
  describe: (_, history) => {
    const text = History.observation(history)
    return { text, admissible: admissible(text), matches: {} }
  },
  question: (_, history) => ({
    text: History.observation(history),
    matches: {},
    forbidden: [],
    once: []
  }),
  annotate: () => "",
  audit: () => ({ success: false, contradictions: 0, goalSeen: false }),
  relabel: () => undefined,
  restate: () => undefined
})

export const environmentOf = (world: TextWorld): Environment.Environment => ({
  name: world.name,
  version: "1",
  knowledge: knowledgeOf(world),
  start: ({ seed }) =>
    Effect.sync(() => {
      let turn = 0
      return {
        observation: world.first,
        step: ({ text }) =>
          Effect.sync(() => {
            const { isOver, observation, reward } = world.reply(seed, turn++, text)
            const ending = isOver ? { ending: Ending.terminated(reward === 1) } : {}
            const provenance = { _tag: "Real", environment: world.name, version: "1" } as const
            return { observation, reward, provenance, ...ending }
          })
      }
    })
})

export const tasksOf = (
  { name }: TextWorld,
  from: number,
  count: number
): ReadonlyArray<Task.Task> =>
  Array.from({ length: count }, (_, i) => ({
    id: `${name} ${from + i}`,
    environment: name,
    instruction: "",
    seed: from + i,
    payload: null,
    origin: Task.original
  }))
