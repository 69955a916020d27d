import * as fs from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AgentGymGames from "../src/serve/AgentGymGames.ts"
import * as World from "../src/World.ts"
import { ask, servedOneByOne, until } from "./serving.ts"

const start = servedOneByOne()

describe("AgentGym's routes", () => {
  it("create, reset, step, show and close", async () => {
    const { sessions, url } = await start()
    const at = `${url}/agentgym`
    const available = { available_actions: ["ring", "look"] }
    expect(await ask(`${at}/create`, {})).toEqual([200, { id: 0 }])
    expect(await ask(`${at}/detail?id=0`)).toEqual([
      200,
      { done: false, reward: 0, deleted: false }
    ])
    expect(await ask(`${at}/observation?id=0`)).toMatchObject([
      200,
      { error: expect.stringContaining("reset first") }
    ])
    expect(await ask(`${at}/reset`, { id: 0, game: 1, world_type: "Text" })).toEqual([
      200,
      { id: 0, observation: "A bell.", ...available, task_type: "bell/large" }
    ])
    expect(await ask(`${at}/step`, { id: 0, action: "look" })).toEqual([
      200,
      { observation: "You look. <b>", reward: 0, done: false, ...available }
    ])
    expect(await ask(`${at}/available_actions?id=0`)).toEqual([200, ["ring", "look"]])
    expect(await ask(`${at}/observation?id=0`)).toEqual([200, "You look. <b>"])
    expect(await ask(`${at}/detail?id=0`)).toEqual([
      200,
      {
        world_type: "Text",
        game: 1,
        observation: "You look. <b>",
        ...available,
        done: false,
        reward: 0,
        deleted: false
      }
    ])
    expect(await ask(`${at}/close`, { id: 0 })).toEqual([200, { closed: true }])
    expect(await ask(`${at}/close`, { id: 0 })).toEqual([200, { closed: false }])
    expect(await sessions()).toBe(0)
  })

  it("tell failures with status 200, and wrong fields with 422", async () => {
    const { url } = await start()
    const at = `${url}/agentgym`
    expect(await ask(`${at}/step`, { id: 5, action: "look" })).toMatchObject([
      200,
      { error: expect.stringContaining("no session 5") }
    ])
    await ask(`${at}/create`, {})
    expect(await ask(`${at}/step`, { id: 0, action: "look" })).toMatchObject([
      200,
      { error: expect.stringContaining("reset first") }
    ])
    for (const game of [-1, 3, 2420]) {
      expect(await ask(`${at}/reset`, { id: 0, game })).toMatchObject([
        200,
        { error: expect.stringMatching(`there is no game ${game}: bell has 0 to 2,`) }
      ])
    }
    expect(await ask(`${at}/reset`, { id: 0, game: 0, world_type: "Paper" })).toMatchObject([
      422,
      { detail: [{ loc: ["body", "world_type"], input: "Paper" }] }
    ])
    expect(await ask(`${at}/detail?id=`)).toMatchObject([
      422,
      { detail: [{ loc: ["query", "id"] }] }
    ])
    expect(await ask(`${at}/detail`)).toMatchObject([422, { detail: [{ type: "missing" }] }])
    expect(await ask(`${at}/step`, { id: 0 })).toMatchObject([
      422,
      { detail: [{ type: "missing" }] }
    ])
    await ask(`${at}/create`, {})
    expect(await ask(`${at}/create`, {})).toMatchObject([
      200,
      { error: expect.stringContaining("--max-sessions") }
    ])
  })

  it("are forgotten when idle", async () => {
    const { sessions, url } = await start({ idle: "40 millis" })
    await ask(`${url}/agentgym/create`, {})
    await until(async () => (await sessions()) === 0)
  })

  it("are not idle while a step takes its time", async () => {
    const { sessions, url } = await start({ idle: "40 millis" })
    const at = `${url}/agentgym`
    await ask(`${at}/create`, {})
    await ask(`${at}/reset`, { id: 0, game: 0 })
    const seen = new Set<number>()
    const answer = ask(`${at}/step`, { id: 0, action: "slow" })
    const isAnswered = { yet: false }
    void answer.then(() => (isAnswered.yet = true))
    while (!isAnswered.yet) {
      seen.add(await sessions())
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await answer).toMatchObject([200, { observation: "You slow. <b>" }])
    expect([...seen]).toEqual([1])
    await until(async () => (await sessions()) === 0)
  })

  it("wait for each other, and a close for both", async () => {
    const { sessions, url } = await start()
    const at = `${url}/agentgym`
    await ask(`${at}/create`, {})
    await ask(`${at}/reset`, { id: 0, game: 0 })
    const order: Array<string> = []
    const noted = <A>(name: string, work: Promise<A>) => work.finally(() => order.push(name))
    const slow = noted("slow", ask(`${at}/step`, { id: 0, action: "slow" }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const look = noted("look", ask(`${at}/step`, { id: 0, action: "look" }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const closed = noted("close", ask(`${at}/close`, { id: 0 }))
    expect(await slow).toMatchObject([200, { observation: "You slow. <b>" }])
    expect(await look).toMatchObject([200, { observation: "You look. <b>" }])
    expect(await closed).toEqual([200, { closed: true }])
    expect(order).toEqual(["slow", "look", "close"])
    expect(await sessions()).toBe(0)
  })

  it("tell a world that broke as an error of the server, and play on", async () => {
    const { url } = await start()
    const at = `${url}/agentgym`
    await ask(`${at}/create`, {})
    await ask(`${at}/reset`, { id: 0, game: 0 })
    expect(await ask(`${at}/step`, { id: 0, action: "die" })).toMatchObject([
      500,
      { detail: expect.stringContaining("the world broke") }
    ])
    expect(await ask(`${at}/step`, { id: 0, action: "look" })).toMatchObject([200, { reward: 0 }])
  })
})

const data = "/work/shared/data/alfworld"
const hasData = fs.existsSync(data)
if (!hasData) console.log(`AgentGym's games: skipped (${data} is absent)`)

describe.skipIf(!hasData)("AgentGym's ALFWorld", () => {
  const alfworld = () =>
    World.worlds.alfworld
      .open({
        rung: Option.none(),
        seed: Option.none(),
        split: Option.some("train"),
        data: Option.some(data)
      })
      .pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

  it("numbers its 200 test games from 2420, in an order of its own", async () => {
    const world = await alfworld()
    const numbers = Array.from({ length: 200 }, (_, i) => AgentGymGames.firstTest + i)
    const found = await Promise.all(
      numbers.map((game) => Effect.runPromise(AgentGymGames.taskOf(world, game)))
    )
    const ids = found.map(({ task }) => task ?? "")
    expect(ids.toSorted()).toEqual(
      world
        .tasks(0, 200)
        .map(({ id }) => id)
        .toSorted()
    )
    const trialOf = (game: number) => ids[game - AgentGymGames.firstTest]?.split("/").slice(2)
    // AgentGym's `mappings_test.json`: its first, one in the middle, its last.
    expect([2420, 2510, 2619].map(trialOf)).toEqual([
      ["pick_cool_then_place_in_recep-Mug-None-CoffeeMachine-23", "trial_T20190908_143209_571893"],
      ["pick_cool_then_place_in_recep-Pan-None-DiningTable-15", "trial_T20190909_003904_518800"],
      ["pick_two_obj_and_place-RemoteControl-None-Ottoman-210", "trial_T20190906_202114_729948"]
    ])
    const beyond = await Effect.runPromise(Effect.flip(AgentGymGames.taskOf(world, 2620)))
    expect(beyond.message).toMatch(/^there is no game 2620: alfworld has 0 to 199,/)
  })

  it("is reset without the banner, its paragraphs a line apart", async () => {
    const { url } = await start({ world: Effect.succeed(await alfworld()) })
    const at = `${url}/agentgym`
    await ask(`${at}/create`, {})
    const [, shown] = await ask(`${at}/reset`, { id: 0, game: 2420, world_type: "Text" })
    expect(shown).toMatchObject({
      id: 0,
      observation: expect.stringMatching(
        /^You are in the middle of a room\. Looking quickly around you, you see .+\.\nYour task is to: .+\.$/
      ),
      available_actions: expect.arrayContaining(["look", "inventory"]),
      task_type:
        "pick_cool_then_place_in_recep-Mug-None-CoffeeMachine-23/trial_T20190908_143209_571893"
    })
  })
})
