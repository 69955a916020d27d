import { Task, type Environment } from "@dreamgym/domain"
import { Arbitraries, EnvironmentLaws, Law, RevisitLaws } from "@dreamgym/laws"
import { Effect, Exit, Scope } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Conversation from "../../../src/taubench/episode/Conversation.ts"
import * as ScriptedUser from "../../../src/taubench/episode/ScriptedUser.ts"
import {
  UserSimulatorError,
  type UserSimulator
} from "../../../src/taubench/episode/UserSimulator.ts"
import * as Text from "../../../src/taubench/python/Text.ts"

/** A database that is a list; its tool `add` keeps what it is given. */
type Kept = Array<string>

const setting: Conversation.Setting<Kept> = {
  world: { name: "desk", version: "1" },
  desk: {
    call: (kept, name, given) => {
      if (name === "add") return `${kept.push(Text.json(given.get("x") ?? null))} kept`
      return name === "leave" ? "Transfer successful" : `Unknown action ${name}`
    },
    fork: (kept) => [...kept]
  },
  stepLimit: 5,
  stops: ["###STOP###"],
  finalTools: ["leave"],
  score: (kept) => Effect.succeed(kept.length === 1 ? 1 : 0)
}

const lines = ScriptedUser.fromLines(["Add one.", "Is it done?"])

const start = (user: UserSimulator = lines, kept: Kept = []) =>
  Effect.gen(function* () {
    const line = yield* Effect.orDie(user.start("", 1))
    return yield* Conversation.open(setting, kept, line)
  })

const say = (episode: Environment.Episode, text: string) => episode.step({ text })

const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Effect.scoped(program))

describe("A conversation", () => {
  it("goes between tools and customer, and is rewarded when the customer stops", async () => {
    const steps = await run(
      Effect.gen(function* () {
        const episode = yield* start()
        expect(episode.observation).toBe("Add one.")
        return yield* Effect.forEach(["add(x=1)", "Really?", "Bye."], (text) => say(episode, text))
      })
    )
    const provenance = { _tag: "Real", environment: "desk", version: "1" }
    expect(steps).toEqual([
      { observation: "1 kept", reward: 0, provenance },
      { observation: "Is it done?", reward: 0, provenance },
      {
        observation: "###STOP###",
        reward: 1,
        ending: { _tag: "Terminated", success: true },
        provenance
      }
    ])
  })

  it("ends with a final tool, without success where the database is wrong", async () => {
    const step = await run(Effect.flatMap(start(), (episode) => say(episode, "leave()")))
    expect(step).toMatchObject({ reward: 0, ending: { _tag: "Terminated", success: false } })
  })

  it("is truncated at the step limit, unless it ends right there", async () => {
    const endings = (last: string) =>
      run(
        Effect.gen(function* () {
          const episode = yield* start()
          const texts = ["f()", "f()", "f()", "f()", last]
          const steps = yield* Effect.forEach(texts, (text) => say(episode, text))
          const error = yield* Effect.flip(say(episode, "f()"))
          return [steps.map(({ ending }) => ending?._tag), error.reason]
        })
      )
    const before = [undefined, undefined, undefined, undefined]
    expect(await endings("f()")).toEqual([[...before, "Truncated"], "Closed"])
    expect(await endings("leave()")).toEqual([[...before, "Terminated"], "Closed"])
  })

  it("fails where the customer fails, and goes on where they can again", async () => {
    let isDown = true
    const user: UserSimulator = {
      name: "flaky",
      start: () =>
        Effect.succeed({
          text: "Hi",
          reply: () =>
            Effect.suspend(() =>
              isDown
                ? Effect.fail(
                    new UserSimulatorError({ reason: "Timeout", user: "flaky", message: "slow" })
                  )
                : Effect.succeed({ text: "###STOP###", reply: () => Effect.never })
            )
        })
    }
    const program = Effect.gen(function* () {
      const episode = yield* start(user)
      const error = yield* Effect.flip(say(episode, "Hello"))
      isDown = false
      const step = yield* say(episode, "Hello")
      return [error.reason, step.ending?._tag, (yield* episode.entries).length]
    })
    expect(await run(program)).toEqual(["Timeout", "Terminated", 3])
  })

  it("forks: neither branch sees what the other does", async () => {
    const program = Effect.gen(function* () {
      const episode = yield* start()
      yield* say(episode, "add(x=1)")
      const branch = yield* episode.fork
      yield* say(branch, "add(x=2)")
      yield* say(branch, "Ok?")
      const [one, other] = [yield* say(episode, "add(x=3)"), yield* say(branch, "add(x=4)")]
      return [one.observation, other.observation, (yield* episode.entries).length]
    })
    expect(await run(program)).toEqual(["2 kept", "3 kept", 3])
  })

  it("keeps what was said and done", async () => {
    const entries = await run(
      Effect.gen(function* () {
        const episode = yield* start()
        yield* say(episode, "add(x='a')")
        yield* say(episode, "Done")
        return yield* episode.entries
      })
    )
    expect(entries).toEqual([
      { _tag: "User", content: "Add one." },
      { _tag: "Call", name: "add", arguments: new Map([["x", "a"]]), result: "1 kept" },
      { _tag: "Agent", content: "Done" },
      { _tag: "User", content: "Is it done?" }
    ])
  })

  it("shows the beginning of what is too long to show", async () => {
    const text = `add(x='${"a".repeat(5)}')`
    const name = "b".repeat(1_000_000)
    const program = Effect.flatMap(start(), (episode) =>
      Effect.forEach([text, `${name}()`], (one) => say(episode, one))
    )
    const [short, long] = await run(program)
    expect(short?.observation).toBe("1 kept")
    expect(long?.observation.length).toBeLessThan(100_000)
    expect(long?.observation).toMatch(/^Unknown action bbb.*b... \(1000015 characters\)$/)
  })

  it("shows the beginning of what a customer says who does not stop, and sees their end all the same", async () => {
    const endless = ScriptedUser.fromLines([
      "a".repeat(200_000),
      `${"b".repeat(200_000)}###STOP###`
    ])
    const program = Effect.gen(function* () {
      const episode = yield* start(endless)
      return [episode.observation, yield* say(episode, "Yes?")] as const
    })
    const [first, step] = await run(program)
    expect(first).toMatch(/^a+\.\.\. \(200000 characters\)$/)
    expect(Math.max(first.length, step.observation.length)).toBeLessThan(100_000)
    expect(step.ending?._tag).toBe("Terminated")
  })

  it("takes any text at all, and only a call of a tool that writes changes the database", async () => {
    const texts = fc.string({ unit: Arbitraries.character, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const kept: Kept = []
        await run(Effect.flatMap(start(lines, kept), (episode) => say(episode, text)))
        expect(kept).toEqual([])
      }),
      { numRuns: 100 }
    )
  })

  it("closes with its scope, forks included", async () => {
    const program = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const episode = yield* Scope.provide(start(), scope)
      yield* Scope.close(scope, Exit.void)
      const fork = yield* Effect.flip(episode.fork)
      return [fork.reason, (yield* Effect.flip(say(episode, "x"))).reason]
    })
    expect(await run(program)).toEqual(["Closed", "Closed"])
  })
})

const task: Task.Task = {
  id: "desk/1",
  environment: "desk",
  instruction: "serve",
  seed: 0,
  payload: {},
  origin: Task.original
}

Law.describeLaws(
  { describe, it },
  EnvironmentLaws.environmentLaws({
    name: "a conversation",
    environment: Effect.succeed({ ...setting.world, start: () => start() }),
    task,
    actions: ["add(x=1)", "Really?", "Bye."]
  })
)

Law.describeLaws(
  { describe, it },
  RevisitLaws.revisitLaws({
    name: "a conversation",
    start: Effect.suspend(() => start()),
    actions: ["add(x=1)", "Really?", "Bye."]
  })
)

describe("A moment", () => {
  it("of another conversation is refused", async () => {
    const program = Effect.gen(function* () {
      const [one, other] = [yield* start(), yield* start()]
      return yield* Effect.flip(one.restore(yield* other.snapshot))
    })
    expect(await run(program)).toMatchObject({ reason: "BadData", environment: "desk" })
  })
})
