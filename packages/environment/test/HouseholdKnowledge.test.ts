import { History, Seed } from "@dreamgym/domain"
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as Generator from "../src/household/Generator.ts"
import { games, knowledgeOf, load, taskOf, tokenizer, trajectoryOf } from "./houses.ts"

const played = [...games(200, "knowledge"), ...games(24, "knowledge of rooms", ["L5", "L6"])]

const isIdle = (command: string): boolean => /^(look|inventory|help|examine .*)$/.test(command)

describe("What a notebook reads from the text", () => {
  it("is exactly what the game admits, at every step of many games", () => {
    for (const { rung, task, turns } of played) {
      for (const { before, admissible } of turns) {
        const read = knowledgeOf(rung).describe(task, before).admissible
        expect(read.toSorted()).toEqual(admissible.filter((command) => !isIdle(command)))
      }
    }
  })

  it("shows success exactly when the game is won, and never contradicts itself, at every step of many games", () => {
    let won = 0
    for (const { rung, task, turns } of played) {
      for (const { after, isWon } of turns) {
        const { success, contradictions, malformed } = knowledgeOf(rung).audit(task, after)
        expect({ success, contradictions, malformed }).toEqual({
          success: isWon,
          contradictions: 0,
          malformed: undefined
        })
        won += isWon ? 1 : 0
      }
    }
    expect(won).toBeGreaterThan(50)
  })

  it("explains every command that did nothing, and only those", () => {
    for (const { rung, task, turns } of played) {
      for (const { before, action, observation } of turns) {
        const reasoning = knowledgeOf(rung).annotate(task, before, action, observation, 0)
        const isWorking = observation !== "Nothing happens."
        expect(reasoning).toMatch(isWorking ? /^works\. / : /^fails: [a-z ]+\. /)
      }
    }
  })

  it("forbids no answer that the game gives", () => {
    for (const { rung, task, turns } of played) {
      for (const { before, action, observation } of turns) {
        const { forbidden, once } = knowledgeOf(rung).question(task, before, action)
        const named = observation.match(/[a-z]+ \d+/g) ?? []
        expect(named.filter((name) => forbidden.includes(name))).toEqual([])
        if (action === "look" || observation.includes("Looking quickly around you")) continue
        const listed = (observation.split("you see ")[1] ?? "").match(/[a-z]+ \d+/g) ?? []
        expect(listed.filter((name) => !once.includes(name))).toEqual([])
      }
    }
  })
})

describe("The lexicon", () => {
  it("reads every text of many games without an unknown word and writes it back as it was", () => {
    for (const { rung, task, first, turns } of played) {
      const { lexicon, describe, annotate, question, features } = knowledgeOf(rung)
      const { encode, decode } = tokenizer(lexicon)
      const texts = turns.flatMap(({ before, action, observation }) => [
        action,
        observation,
        describe(task, before).text,
        annotate(task, before, action, observation, 0),
        ...describe(task, before).admissible
      ])
      for (const text of new Set([first, task.instruction, ...texts])) {
        expect(decode(encode(text) ?? [`unknown word in: ${text}`])).toBe(text)
      }
      const last = turns.at(-1)
      if (last === undefined) continue
      const { matches } = question(task, last.before, last.action)
      expect(Object.keys(matches)).toEqual(features)
      expect(
        Object.values(matches)
          .flat()
          .filter((word) => !lexicon.includes(word))
      ).toEqual([])
    }
  })

  it("has no word twice, and each word of a notebook's text is one entry", () => {
    for (const { rung, task, turns } of played.slice(0, 40)) {
      const { lexicon, describe } = knowledgeOf(rung)
      expect(new Set(lexicon).size).toBe(lexicon.length)
      for (const { before } of turns) {
        const { text } = describe(task, before)
        const words = tokenizer(lexicon).encode(text)
        expect(words?.join(" ")).toBe(text)
      }
    }
  })
})

describe("A trajectory told under another task", () => {
  const told = played
    .flatMap((game, index) =>
      Array.from({ length: 6 }, (_, draw) => {
        const random = Seed.generator(Seed.key(index, "test/relabel", draw))
        const relabelled = knowledgeOf(game.rung).relabel(trajectoryOf(game), random)
        return { game, relabelled }
      })
    )
    .flatMap(({ game, relabelled }) => (relabelled === undefined ? [] : [{ game, ...relabelled }]))

  it("keeps the deeds and what they brought, up to its only reward", () => {
    expect(told.length).toBeGreaterThan(500)
    for (const { game, trajectory, novel } of told) {
      const { transitions, firstObservation, task, ending } = trajectory
      const lived = trajectoryOf(game).transitions.slice(0, transitions.length)
      expect(transitions.map((one) => one.action.text)).toEqual(lived.map((one) => one.action.text))
      expect(transitions.map((one) => one.nextObservation)).toEqual(
        lived.map((one) => one.nextObservation)
      )
      expect(novel.length).toBe(transitions.length)
      expect(transitions[0]?.observation).toBe(firstObservation)
      expect(firstObservation.endsWith(`Your task is to: ${task.instruction}.`)).toBe(true)
      const rewards = transitions.map(({ reward }) => reward)
      const isWon = ending._tag === "Terminated"
      expect(rewards).toEqual(
        rewards.map((_, index) => (isWon && index === rewards.length - 1 ? 1 : 0))
      )
      expect(isWon || transitions.length === trajectoryOf(game).transitions.length).toBe(true)
    }
  })

  it("is rewarded exactly when its text shows success", () => {
    for (const { game, trajectory } of told) {
      let history = History.start(trajectory.firstObservation)
      for (const { action, nextObservation, reward } of trajectory.transitions) {
        history = History.append(history, action.text, nextObservation)
        const { success } = knowledgeOf(game.rung).audit(trajectory.task, history)
        expect(success).toBe(reward === 1)
      }
    }
  })

  it("is never rewarded for looking: what was there from the start was no task", () => {
    const rewarded = told.flatMap(({ trajectory }) =>
      trajectory.transitions.filter(({ reward }) => reward > 0)
    )
    const verbs = new Set(rewarded.map(({ action }) => action.text.split(" ")[0]))
    expect(
      [...verbs].filter((verb) => !["move", "use", "take", "go"].includes(verb ?? ""))
    ).toEqual([])
    const walks = rewarded.filter(({ action }) => action.text.startsWith("go"))
    expect(walks.filter(({ nextObservation }) => !nextObservation.includes("desklamp"))).toEqual([])
  })

  it("is rewarded by the real house too, when that is asked for the new goal", () => {
    let wins = 0
    for (const { trajectory } of told) {
      let state = Game.start(load(trajectory.task))
      if (state.won) continue
      for (const { action, nextObservation, reward } of trajectory.transitions) {
        state = Game.step(state, action.text)
        expect(state.observation).toBe(nextObservation)
        expect(state.won).toBe(reward === 1)
        wins += reward
      }
    }
    expect(wins).toBeGreaterThan(50)
  })

  it("marks as novel the turns that reveal contents for the first time", () => {
    const { game, novel, trajectory } =
      told.find(({ trajectory }) => trajectory.transitions.length > 8) ?? {}
    if (game === undefined || trajectory === undefined) throw new Error("no long trajectory")
    const seen = new Set<string>()
    const expected = trajectory.transitions.map(({ nextObservation }) => {
      const place = /(?:On the|The) ([a-z]+ \d)(?:, you see| is open\.)/.exec(nextObservation)?.[1]
      const isNew = place !== undefined && !seen.has(place)
      if (place !== undefined) seen.add(place)
      return isNew
    })
    expect(novel).toEqual(expected)
  })

  it("is undefined for a fault", () => {
    const [game] = played
    if (game === undefined) throw new Error("no game")
    const fault = { _tag: "Failed", fault: "Environment", message: "" } as const
    const trajectory = { ...trajectoryOf(game), ending: fault }
    expect(knowledgeOf(game.rung).relabel(trajectory, Seed.generator(1))).toBeUndefined()
  })

  it("covers hard negatives: the right object in the right place, not as asked", () => {
    const isNegative = told.filter(({ trajectory }) => {
      const [, object, place] =
        /^put a (?:clean|hot|cool) (\w+) in (\w+)$/.exec(trajectory.task.instruction) ?? []
      const isMoved = trajectory.transitions.some(({ nextObservation }) =>
        new RegExp(`^You move the ${object} \\d to the ${place} \\d\\.$`).test(nextObservation)
      )
      return object !== undefined && isMoved && trajectory.ending._tag !== "Terminated"
    })
    expect(isNegative.length).toBeGreaterThan(20)
  })
})

describe("A restated task", () => {
  const task = taskOf("L2", 4)
  const { restate } = knowledgeOf("L2")

  it("is the same house under another instruction", () => {
    const restated = restate(task, "put a clean mug in microwave")
    expect(restated).toEqual({
      ...task,
      id: `${task.id}/as/put a clean mug in microwave`,
      instruction: "put a clean mug in microwave",
      payload: { rung: "L2", seed: task.seed, goal: "put a clean mug in microwave" },
      origin: { _tag: "Generated", parentId: task.id, generation: 1 }
    })
    const again = restated && restate(restated, "look at book under the desklamp")
    expect(again?.id).toBe(`${task.id}/as/look at book under the desklamp`)
    expect(again?.origin).toMatchObject({ generation: 2 })
    expect(again && Generator.requestOf(again).pipe(Result.isSuccess)).toBe(true)
  })

  it("is itself under its own instruction", () => {
    expect(restate(task, task.instruction)).toBe(task)
  })

  it.each([
    ["no goal", "dance with the mug"],
    ["an object of no known kind", "put a guitar in fridge"],
    ["a place of no known kind", "put a mug in garage"],
    ["a place that this house has not", "put a mug in bathtub"],
    ["a lamp that is none", "look at mug under the fridge"],
    ["an empty instruction", ""]
  ])("does not exist for %s", (_, instruction) => {
    expect(restate(task, instruction)).toBeUndefined()
  })

  it("does not exist where the house has nothing to clean with", () => {
    const bare = taskOf("L0", 1)
    expect(knowledgeOf("L0").restate(bare, "put a clean mug in shelf")).toBeUndefined()
  })

  it("does not exist for a task of another world", () => {
    const foreign = { ...task, payload: { game: "train/x/y" } }
    expect(restate(foreign, "put a mug in fridge")).toBeUndefined()
  })
})
