import { History, Task } from "@dreamgym/domain"
import { Effect, Result } from "effect"
import fc from "fast-check"
import { globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import * as GamePolicy from "../src/alfworld/GamePolicy.ts"
import * as Planner from "../src/alfworld/Planner.ts"
import * as Generator from "../src/household/Generator.ts"
import { RungName } from "../src/household/Rung.ts"
import { estimate, householdOf } from "../src/alfworld/planner/Errand.ts"
import { waysOf } from "../src/alfworld/planner/GoalFacts.ts"
import { dataFolder } from "./disk.ts"
import { room } from "./room.ts"

const game = Result.getOrThrow(Game.load(room, "room"))

const planned = (start: Game.GameState) => Result.getOrThrow(Planner.plan(start))

const wins = (start: Game.GameState, commands: ReadonlyArray<string>): boolean =>
  commands.reduce(Game.step, start).won

describe("A plan", () => {
  it("wins a game whose domain the planner has never seen", () => {
    const plan = planned(Game.start(game))
    expect(plan).toEqual(["go to box 1", "take lamp 1 from shelf 2", "put lamp 1 into box 1"])
  })

  const [lamp, far] = ["lamp_bar__plus_01_dot_00", "shelf_bar__plus_02_dot_00"]
  const lampIn = (receptacle: string): string => `(inReceptacle ${lamp} ${receptacle})`

  it.each([
    ["either of two", `(or ${lampIn(far)} (broken ${lamp}))`, 1],
    ["that something be no more", `(not ${lampIn("shelf_bar__plus_01_dot_00")})`, 2],
    ["what holds for all", `(forall (?o - object) (imply (toggleable ?o) (isOn ?o)))`, 3],
    ["nothing", "()", 0]
  ])("wins a game that asks for %s", (_, goal, length) => {
    const pddl_problem = room.pddl_problem.replace(
      "(:goal (exists",
      `(:goal ${goal}) (:metric (exists`
    )
    const asking = Result.getOrThrow(Game.load({ ...room, pddl_problem }, "room"))
    const plan = planned(Game.start(asking))
    expect([plan.length, wins(Game.start(asking), plan)]).toEqual([length, true])
  })

  it("is empty where the game is won", () => {
    const won = planned(Game.start(game)).reduce(Game.step, Game.start(game))
    expect(planned(won)).toEqual([])
  })

  it("is not to be had of a game that nobody can win, nor beyond its budget", () => {
    const pddl_problem = room.pddl_problem.replaceAll(/\(toggleable [^?)]*\)/g, "")
    const hopeless = Result.getOrThrow(Game.load({ ...room, pddl_problem }, "room"))
    const reason = (result: ReturnType<typeof Planner.plan>) =>
      Result.match(result, { onFailure: (error) => error.reason, onSuccess: () => "won" })
    expect(reason(Planner.plan(Game.start(hopeless)))).toBe("exhausted")
    expect(reason(Planner.plan(Game.start(game), { expansions: 2 }))).toBe("budget")
  })
})

const requests = fc.record({
  rung: fc.constantFrom(...RungName.literals),
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 })
})

const houseOf = (request: Generator.GameRequest) =>
  Result.getOrThrow(Game.load(Generator.generate(request), "house"))

/** The length of a shortest way to a win, by looking at everything within `limit` commands. */
const shortest = (start: Game.GameState, limit: number): number => {
  const seen = new Set<string>()
  let frontier = [start]
  for (let length = 0; length <= limit; length++) {
    if (frontier.some(({ won }) => won)) return length
    const next = frontier.flatMap((state) =>
      state.admissible.map((command) => Game.step(state, command))
    )
    frontier = next.filter(({ situation: { state } }) => {
      const key = JSON.stringify(state.map(({ facts }) => facts))
      return !seen.has(key) && seen.add(key) !== undefined
    })
  }
  return Infinity
}

describe("Every generated house", () => {
  it("is won by its plan, which is no longer than its walkthrough", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const house = houseOf(request)
        const start = Game.start(house)
        const plan = planned(start)
        expect(wins(start, plan)).toBe(true)
        expect(plan.length).toBeLessThanOrEqual(house.walkthrough?.length ?? 0)
      }),
      { numRuns: 60 }
    )
  })

  it("is judged nowhere on the way of its plan to need more commands than it does", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const house = houseOf(request)
        const [ways, household] = [waysOf(house), householdOf(house)]
        if (ways === undefined || household === undefined) throw new Error("no household")
        const lacking = estimate(ways, household)
        let state = Game.start(house)
        const plan = planned(state)
        for (const [index, command] of plan.entries()) {
          expect(lacking(state.situation.state)).toBe(plan.length - index)
          state = Game.step(state, command)
        }
        expect(lacking(state.situation.state)).toBe(0)
      }),
      { numRuns: 60 }
    )
  })

  it("that lacks what is asked for is given up at once", () => {
    const goal = { kind: "put", object: "spaceship", place: "shelf" } as const
    const hopeless = Planner.plan(Game.start(houseOf({ rung: "L2", seed: 1, goal })))
    expect(Result.getFailure(hopeless)).toMatchObject({
      value: { reason: "exhausted", expansions: 0 }
    })
  })

  it("of the smallest kind has no way to a win that is shorter than its plan", () => {
    for (let seed = 0; seed < 6; seed++) {
      const start = Game.start(houseOf({ rung: "L0", seed }))
      const { length } = planned(start)
      expect(shortest(start, Math.min(length - 1, 4))).toBe(Infinity)
    }
  })

  it("is won from wherever one has strayed to", () => {
    fc.assert(
      fc.property(requests, fc.array(fc.nat({ max: 99 }), { maxLength: 8 }), (request, strays) => {
        const start = strays.reduce(
          (state, stray) =>
            Game.step(state, state.admissible[stray % state.admissible.length] ?? ""),
          Game.start(houseOf(request))
        )
        expect(wins(start, planned(start))).toBe(true)
      }),
      { numRuns: 30 }
    )
  })
})

const task: Task.Task = {
  id: "room",
  environment: "alfworld",
  instruction: "",
  seed: 0,
  payload: {},
  origin: Task.original
}

const gameOf: GamePolicy.GameOf = () => Effect.succeed(game)

const commandsOf = (policy: ReturnType<typeof GamePolicy.random>, count: number) => {
  let state = Game.start(game)
  let history = History.start(state.observation)
  const commands: Array<string> = []
  for (let key = 0; key < count && !state.won; key++) {
    const { text } = Effect.runSync(policy.act({ task, history, key }))
    expect(state.admissible).toContain(text)
    state = Game.step(state, text)
    history = History.append(history, text, state.observation)
    commands.push(text)
  }
  return { commands, won: state.won }
}

describe("A policy that knows the game", () => {
  const planner = Planner.policy(gameOf)

  it("plans its way to a win", () => {
    const plan = planned(Game.start(game))
    expect(commandsOf(planner, 9)).toEqual({ commands: plan, won: true })
  })

  it("strays as often as it is told, always to something that can be done, by its key alone", () => {
    const noisy = (rate: number) => commandsOf(GamePolicy.noisy(planner, gameOf, { rate }), 40)
    expect(noisy(0)).toEqual(commandsOf(planner, 40))
    expect(noisy(0.5)).toEqual(noisy(0.5))
    expect(noisy(0.5).commands).not.toEqual(commandsOf(planner, 40).commands)
    expect(new Set(commandsOf(GamePolicy.random(gameOf), 40).commands).size).toBeGreaterThan(4)
  })

  it("knows where the episode stands after older words, if they were taken for what they mean", () => {
    const told = { ...room, grammar: room.grammar.replace("put {o} into {r}", "move {o} to {r}") }
    const today = Result.getOrThrow(Game.load(told, "room"))
    const way = ["go to shelf 1", "take mug 1 from shelf 1"]
    const before = way.reduce(Game.step, Game.start(today))
    const turns = way.map((action, index) => ({
      action,
      observation: way.slice(0, index + 1).reduce(Game.step, Game.start(today)).observation
    }))
    const after = (answer: string) => {
      const told = [...turns, { action: "put mug 1 in/on shelf 1", observation: answer }]
      return GamePolicy.stateAfter(today, History.fromTurns("", told)).admissible
    }
    const moved = Game.step(before, "move mug 1 to shelf 1")
    expect(after(moved.observation)).toEqual(moved.admissible)
    expect(after(Game.nothingHappens)).toEqual(before.admissible)
    expect(moved.admissible).not.toEqual(before.admissible)
  })

  it("says of a game that cannot be won, which task it was", () => {
    const tight = Planner.policy(gameOf, { expansions: 1 })
    const history = History.start("")
    const error = Effect.runSync(Effect.flip(tight.act({ task, history, key: 0 })))
    expect([error.reason, error.message]).toEqual([
      "NoAdmissibleAction",
      "task room: no plan among 1 states; give a larger budget of expansions"
    ])
  })
})

const whereData = dataFolder === undefined ? describe.skip : describe

whereData("On real games (skipped without ALFWORLD_DATA)", () => {
  it.each([
    ["train", 200],
    ["valid_seen", 140],
    ["valid_unseen", 134]
  ])(
    "the planner wins all of %s, never in more commands than the walkthrough",
    (split, count) => {
      const files = globSync(`${dataFolder}/json_2.1.1/${split}/*/*/game.tw-pddl`)
      expect(files.length).toBe(count)
      for (const file of files) {
        const parsed = GameFile.parse(readFileSync(file, "utf8"), file)
        const real = Result.getOrThrow(Result.flatMap(parsed, (each) => Game.load(each, file)))
        const plan = planned(Game.start(real))
        expect(wins(Game.start(real), plan)).toBe(true)
        expect(plan.length).toBeLessThanOrEqual(real.walkthrough?.length ?? 50)
      }
    },
    60_000
  )
})
