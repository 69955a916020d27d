import { Task, type Environment } from "@dreamgym/domain"
import { EnvironmentLaws, Law, RevisitLaws } from "@dreamgym/laws"
import { Effect, Exit, FileSystem, Scope } from "effect"
import { describe, expect, it } from "vitest"
import * as AlfWorld from "../src/alfworld/AlfWorld.ts"
import { modern } from "../src/alfworld/GameEpisode.ts"
import { dataFolder, Disk } from "./disk.ts"
import { room } from "./room.ts"

const grammar = room.grammar.replace("Hello.", "Your task is to: put a mug by lamp.")
const good = JSON.stringify({ ...room, grammar })

const split = "/data/json_2.1.1/train"

/** A disk with these games in the training split. */
const disk = (games: Readonly<Record<string, string>>) =>
  FileSystem.layerNoop({
    readDirectory: (folder) =>
      Effect.succeed(folder === split ? ["pick", ...Object.keys(games)] : []),
    readFileString: (file) => Effect.succeed(games[file.slice(split.length + 1)] ?? "")
  })

const tasksOf = (
  games: Readonly<Record<string, string>>,
  types?: ReadonlyArray<AlfWorld.TaskType>
) =>
  AlfWorld.tasks({
    dataFolder: "/data",
    split: "train",
    ...(types === undefined ? {} : { types })
  }).pipe(Effect.provide(disk(games)))

const simple = "pick_and_place_simple-Mug-None-Shelf-1/trial_1"
const task: Task.Task = {
  id: `alfworld/train/${simple}`,
  environment: "alfworld",
  instruction: "put a mug by lamp",
  seed: 0,
  payload: { game: `train/${simple}`, type: "pick_and_place_simple" },
  origin: Task.original
}

describe("The tasks of a split", () => {
  const { solvable: _, ...unmarked } = { ...room, grammar }

  it("are its solvable games of the six types, by path, without movable receptacles and sliced objects", async () => {
    const heat = "pick_heat_then_place_in_recep-Mug-None-Shelf-1/trial_1"
    const found = await Effect.runPromise(
      tasksOf({
        [`${heat}/game.tw-pddl`]: good,
        [`${simple}/game.tw-pddl`]: good,
        [`${simple}/traj_data.json`]: "{}",
        "pick_and_place_simple-AppleSliced-None-Desk-1/t/game.tw-pddl": good,
        "pick_and_place_with_movable_recep-Mug-Pan-Desk-1/t/game.tw-pddl": good,
        "pick_and_place_simple-Mug-movable-Desk-1/t/game.tw-pddl": good,
        "pick_and_place_simple-Mug-None-Desk-1/t/game.tw-pddl/game.tw-pddl": good,
        "pick_and_place_simple-Mug-None-Desk-2/t/deeper/game.tw-pddl": good,
        "pick_and_place_simple-Mug-None-Desk-3/t/game.tw-pddl": JSON.stringify(unmarked),
        "dance-Mug-None-Desk-1/t/game.tw-pddl": good,
        "pick_and_place_simple-Mug-None-Bed-1/t/game.tw-pddl": JSON.stringify({
          ...room,
          solvable: false
        })
      })
    )
    expect(found.map(({ id }) => id)).toEqual([task.id, `alfworld/train/${heat}`])
    expect(found[0]).toEqual(task)
  })

  it("may be of some types only", async () => {
    const games = { [`${simple}/game.tw-pddl`]: good }
    expect(await Effect.runPromise(tasksOf(games, ["look_at_obj_in_light"]))).toEqual([])
  })

  const annotated = (...goals: ReadonlyArray<string>) =>
    JSON.stringify({ turk_annotations: { anns: goals.map((task_desc) => ({ task_desc })) } })

  it("may be said in people's words, the same ones for the same seed, and are opened with them", async () => {
    const said = ["Move the cup beside  the lamp. ", "Bring light to a mug"]
    const games = {
      [`${simple}/game.tw-pddl`]: good,
      [`${simple}/traj_data.json`]: annotated(...said)
    }
    const human = (seed: number) =>
      Effect.gen(function* () {
        const options = { dataFolder: "/data", split: "train", goals: "human", seed } as const
        const [found] = yield* AlfWorld.tasks(options)
        const environment = yield* AlfWorld.make({ dataFolder: "/data" })
        const { observation } = yield* environment.start(found ?? task)
        return { found, observation }
      }).pipe(Effect.scoped, Effect.provide(disk(games)), Effect.runPromise)
    const seeds = await Promise.all([0, 1, 2, 3, 4, 5, 0].map(human))
    const goals = seeds.map(({ found }) => found?.instruction)
    expect(new Set(goals)).toEqual(
      new Set(["Move the cup beside the lamp", "Bring light to a mug"])
    )
    expect(seeds[6]).toEqual(seeds[0])
    const index = goals[0] === "Bring light to a mug" ? 1 : 0
    expect(seeds[0]?.found).toEqual({
      ...task,
      id: `${task.id}/human-${index}`,
      instruction: goals[0],
      payload: { ...Object(task.payload), goal: goals[0] }
    })
    expect(seeds[0]?.observation).toContain(`Your task is to: ${goals[0]}.`)
  })

  it.each([
    ["{}", "field turk_annotations.anns[].task_desc"],
    ["", "field turk_annotations.anns[].task_desc"],
    [annotated(" . "), "nobody described the task"]
  ])("cannot be said in people's words out of %j", async (data, message) => {
    const games = { [`${simple}/game.tw-pddl`]: good, [`${simple}/traj_data.json`]: data }
    const options = { dataFolder: "/data", split: "train", goals: "human" } as const
    const listing = AlfWorld.tasks(options).pipe(Effect.provide(disk(games)))
    const error = await Effect.runPromise(Effect.flip(listing))
    expect([error.reason, error.message]).toEqual(["BadData", expect.stringContaining(message)])
  })

  it.each([
    ["{", "no complete JSON"],
    [JSON.stringify(room), 'the grammar has no sentence "Your task is to: ..."']
  ])("are refused with a bad game (%#)", async (text, message) => {
    const error = await Effect.runPromise(
      Effect.flip(tasksOf({ [`${simple}/game.tw-pddl`]: text }))
    )
    expect(error).toMatchObject({ reason: "BadData", environment: "alfworld" })
    expect(error.message).toContain(message)
  })

  it("of the training split may be numbered by the seed: the same things, the same way, other names", async () => {
    const games = {
      [`${simple}/game.tw-pddl`]: JSON.stringify({
        ...room,
        grammar,
        walkthrough: ["take mug 1 from shelf 1", "Go to Shelf_bar__plus_02_dot_00 now"]
      })
    }
    const numbered = (seed: number) =>
      Effect.gen(function* () {
        const options = { dataFolder: "/data", split: "train", seed } as const
        const [found = task] = yield* AlfWorld.tasks({ ...options, domainRandomization: true })
        const { game } = yield* AlfWorld.make({ dataFolder: "/data" })
        const { entities, walkthrough } = yield* game(found)
        const things = entities.names.filter((name) => /\d$/.test(name))
        return { found, things, walkthrough }
      }).pipe(Effect.scoped, Effect.provide(disk(games)), Effect.runPromise)
    const seeds = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(numbered))
    for (const { found, things, walkthrough } of seeds) {
      expect(found.id).toMatch(new RegExp(`^${task.id}/numbering-\\d+$`))
      expect(things.toSorted()).toEqual(["box 1", "lamp 1", "mug 1", "mug 2", "shelf 1", "shelf 2"])
      // In the order of their ids: box, lamp, mug 1 and 2, shelf 1 and 2.
      const [, , , mug, , shelf] = things
      expect(walkthrough).toEqual([`take ${mug} from ${shelf}`, `Go to ${shelf} now`])
    }
    expect(new Set(seeds.map(({ things }) => things.join())).size).toBe(4)
    expect(await numbered(3)).toEqual(seeds[3])
  })

  it("of the other splits keep the original's names", async () => {
    const validation = FileSystem.layerNoop({
      readDirectory: () => Effect.succeed([`${simple}/game.tw-pddl`]),
      readFileString: () => Effect.succeed(good)
    })
    const options = { dataFolder: "/data", split: "valid_seen", domainRandomization: true } as const
    const listing = AlfWorld.tasks(options).pipe(Effect.provide(validation))
    expect((await Effect.runPromise(listing))[0]?.payload).toEqual({
      game: `valid_seen/${simple}`,
      type: "pick_and_place_simple"
    })
  })

  it("of a split without games are refused with the remedy", async () => {
    const error = await Effect.runPromise(
      Effect.flip(tasksOf({ "pick_and_place_simple-A-None-B-1/t/traj_data.json": "" }))
    )
    expect(error.reason).toBe("BadData")
    expect(error.message).toContain(`${split}: there is no game.tw-pddl in it`)
    expect(error.message).toContain("env download alfworld")
  })

  it("without a folder are refused with the remedy", async () => {
    const listing = AlfWorld.tasks({ dataFolder: "/nowhere", split: "train" })
    const error = await Effect.runPromise(Effect.provide(Effect.flip(listing), Disk))
    expect(error.message).toContain("/nowhere/json_2.1.1/train: the folder cannot be listed")
    expect(error.message).toContain("set ALFWORLD_DATA")
  })
})

const say = (episode: Environment.Episode, text: string) => episode.step({ text })

const started = <A, E>(use: (episode: Environment.Episode) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const environment = yield* AlfWorld.make({ dataFolder: "/data" })
    return yield* use(yield* environment.start(task))
  }).pipe(Effect.scoped, Effect.provide(disk({ [`${simple}/game.tw-pddl`]: good })))

describe("An episode", () => {
  const provenance = { _tag: "Real", environment: "alfworld", version: "json_2.1.1" }

  it("shows text and commands, rewards the end alone and closes with it", async () => {
    const program = started((episode) =>
      Effect.gen(function* () {
        expect(yield* episode.admissible ?? Effect.succeed([])).toContain("go to shelf 2")
        expect(yield* say(episode, "go to shelf 2")).toEqual({
          observation: "You stand at shelf 2. In it: a lamp 1.",
          reward: 0,
          provenance
        })
        yield* say(episode, "take lamp 1 from shelf 2")
        yield* say(episode, "go to shelf 1")
        const last = yield* say(episode, "put lamp 1 into shelf 1")
        const after = yield* Effect.flip(say(episode, "look"))
        return [last.reward, last.ending, after.reason]
      })
    )
    expect(await Effect.runPromise(program)).toEqual([
      1,
      { _tag: "Terminated", success: true },
      "Closed"
    ])
  })

  it("goes on after a command that does nothing", async () => {
    const step = await Effect.runPromise(started((episode) => say(episode, "dance")))
    expect(step).toEqual({ observation: "Nothing happens.", reward: 0, provenance })
  })

  it("closes with its scope", async () => {
    const program = Effect.gen(function* () {
      const environment = yield* AlfWorld.make({ dataFolder: "/data" })
      const scope = yield* Scope.make()
      const episode = yield* Scope.provide(environment.start(task), scope)
      yield* say(episode, "look")
      yield* Scope.close(scope, Exit.void)
      return (yield* Effect.flip(say(episode, "look"))).reason
    })
    const games = disk({ [`${simple}/game.tw-pddl`]: good })
    expect(await Effect.runPromise(Effect.provide(program, games))).toBe("Closed")
  })

  it("of the same task shares nothing with another", async () => {
    const program = Effect.gen(function* () {
      const environment = yield* AlfWorld.make({ dataFolder: "/data" })
      const one = yield* environment.start(task)
      const other = yield* environment.start(task)
      yield* say(one, "go to shelf 2")
      return (yield* say(other, "look")).observation
    })
    const games = disk({ [`${simple}/game.tw-pddl`]: good })
    const running = Effect.provide(Effect.scoped(program), games)
    expect(await Effect.runPromise(running)).toBe("Around: nothing.")
  })

  it("reads each game once, but a damaged one again when it is mended", async () => {
    const texts = ["{", good, "never read"]
    const readings: Array<string> = []
    const mending = FileSystem.layerNoop({
      readFileString: (file) =>
        Effect.sync(() => (readings.push(file), texts[readings.length - 1] ?? ""))
    })
    const program = Effect.gen(function* () {
      const { start } = yield* AlfWorld.make({ dataFolder: "/data" })
      const { reason } = yield* Effect.flip(start(task))
      const { observation } = yield* start(task)
      return [reason, observation === (yield* start(task)).observation, readings.length]
    })
    const running = Effect.provide(Effect.scoped(program), mending)
    expect(await Effect.runPromise(running)).toEqual(["BadData", true, 2])
  })

  it("of a task from elsewhere, or of a damaged game, does not start", async () => {
    const reason = (payload: unknown, text: string) =>
      Effect.gen(function* () {
        const environment = yield* AlfWorld.make({ dataFolder: "/data" })
        return (yield* Effect.flip(environment.start({ ...task, payload }))).reason
      }).pipe(
        Effect.scoped,
        Effect.provide(disk({ [`${simple}/game.tw-pddl`]: text })),
        Effect.runPromise
      )
    expect(await reason({ house: 3 }, good)).toBe("BadTask")
    expect(await reason(task.payload, good.slice(0, 99))).toBe("BadData")
  })
})

const alfworld = AlfWorld.make({ dataFolder: "/data" }).pipe(
  Effect.provide(disk({ [`${simple}/game.tw-pddl`]: good }))
)
const winning = ["go to box 1", "take lamp 1 from shelf 2", "put lamp 1 into box 1"]

Law.describeLaws(
  { describe, it },
  EnvironmentLaws.environmentLaws({
    name: "ALFWorld",
    environment: alfworld,
    task,
    actions: winning
  })
)

Law.describeLaws(
  { describe, it },
  RevisitLaws.revisitLaws({
    name: "An episode of ALFWorld",
    start: Effect.flatMap(alfworld, ({ start }) => start(task)),
    actions: winning
  })
)

describe("The old words", () => {
  it("put X in/on Y are understood as move X to Y, others are left alone", () => {
    expect(modern("put mug 1 in/on desk 1")).toBe("move mug 1 to desk 1")
    expect(modern("put mug 1 on desk 1")).toBe("put mug 1 on desk 1")
    expect(modern("look")).toBe("look")
  })
})

const whereData = dataFolder === undefined ? describe.skip : describe

whereData("The real data (skipped without ALFWORLD_DATA)", () => {
  it.each([
    ["valid_seen", 140, [35, 13, 27, 16, 25, 24]],
    ["valid_unseen", 134, [24, 18, 31, 23, 21, 17]]
  ] as const)("has %s of the original: %i tasks", async (name, count, byType) => {
    const listing = AlfWorld.tasks({ dataFolder: dataFolder ?? "", split: name })
    const found = await Effect.runPromise(Effect.provide(listing, Disk))
    const types = found.map(({ payload }) => Object(payload).type)
    expect(found.length).toBe(count)
    expect(
      AlfWorld.TaskType.literals.map((type) => types.filter((each) => each === type).length)
    ).toEqual(byType)
  })
})
