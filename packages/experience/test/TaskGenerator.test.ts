import { assert, describe, it } from "@effect/vitest"
import type { Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DreamTask, Format, TaskGenerator } from "../src/index.ts"
import { boxTask, broken, firstObservation, knownWorlds, scripted } from "./boxes.ts"

const seedOf = (id: string, goal: string, boxes = 3): Task.Task =>
  DreamTask.dreamTask(boxTask(id, goal), firstObservation(boxes, goal))

/** The i-th prompt ever gets the i-th reply, round and round. */
const inTurn = (replies: ReadonlyArray<string>) => {
  let asked = 0
  return scripted(() => replies[asked++ % replies.length] ?? "")
}

const variationsOf = (
  model: Parameters<typeof TaskGenerator.make>[0],
  seeds: ReadonlyArray<Task.Task>,
  request: { readonly perSeed: number; readonly key: number },
  options: Partial<TaskGenerator.Options> = {}
) =>
  Effect.gen(function* () {
    const { counts, generator } = yield* TaskGenerator.make(model, {
      knowledge: knownWorlds,
      ...options
    })
    const tasks = yield* Stream.runCollect(generator.variations(seeds, request))
    return { tasks, counts: yield* counts }
  })

describe("TaskGenerator", () => {
  it.effect("keeps the house, resamples the task, and says whence it comes", () =>
    Effect.gen(function* () {
      const { batches, model } = inTurn(["find the pen <act>"])
      const { counts, tasks } = yield* variationsOf(model, [seedOf("a", "key")], {
        perSeed: 1,
        key: 5
      })
      const [made] = tasks
      const real = DreamTask.subject(made ?? seedOf("none", "none"))
      const origin = { _tag: "Generated", parentId: "a", generation: 1 } as const
      assert.match(real.id, /^generated-[0-9a-z]{14}$/)
      assert.deepStrictEqual(real, {
        ...boxTask("a", "key"),
        id: real.id,
        instruction: "find the pen",
        origin
      })
      assert.deepStrictEqual(tasks, [DreamTask.dreamTask(real, firstObservation(3, "pen"))])
      assert.deepStrictEqual(counts, {
        kept: 1,
        NotDreamable: 0,
        Malformed: 0,
        Impossible: 0,
        Duplicate: 0
      })
      const { key: _, ...prompt } = batches[0]?.[0] ?? { key: 0 }
      assert.deepStrictEqual(prompt, {
        text: "You see box 1, box 2, box 3. <task>",
        maxTokens: 32,
        temperature: 1,
        minP: 0.03,
        stop: ["<act>"]
      })
      assert.strictEqual(new Set(batches.flat().map((one) => one.key)).size, 2)
    })
  )

  it.effect("drops and counts what is malformed, impossible, or there already", () =>
    Effect.gen(function* () {
      const { model } = inTurn([
        "find the key <act>",
        "find the pen",
        "find the moon <act>",
        "find the pen <act>",
        "find the pen <act>",
        "find the coin <act>"
      ])
      const { counts, tasks } = yield* variationsOf(
        model,
        [boxTask("awake", "key"), seedOf("a", "key")],
        { perSeed: 2, key: 5 },
        { oversample: 3 }
      )
      assert.deepStrictEqual(
        tasks.map((task) => task.instruction),
        ["find the pen", "find the coin"]
      )
      assert.deepStrictEqual(counts, {
        kept: 2,
        NotDreamable: 1,
        Malformed: 1,
        Impossible: 1,
        Duplicate: 2
      })
    })
  )

  it.effect(
    "takes no seed's task for another seed of the same house, but does for another house",
    () =>
      Effect.gen(function* () {
        const seeds = [seedOf("a", "key"), seedOf("b", "pen"), seedOf("c", "key", 2)]
        const { model } = inTurn(["find the pen <act>"])
        const { tasks } = yield* variationsOf(model, seeds, { perSeed: 1, key: 5 })
        assert.deepStrictEqual(
          tasks.map((task) => task.origin),
          [{ _tag: "Generated", parentId: "c", generation: 1 }]
        )
      })
  )

  it.effect("gives at most as many as wanted of each seed, and counts generations", () =>
    Effect.gen(function* () {
      const { model } = inTurn(["find the pen <act>", "find the coin <act>"])
      const { tasks } = yield* variationsOf(model, [seedOf("a", "key")], { perSeed: 1, key: 5 })
      assert.strictEqual(tasks.length, 1)
      const next = yield* variationsOf(model, tasks, { perSeed: 1, key: 6 })
      assert.deepStrictEqual(
        next.tasks.map((task) => task.origin),
        [{ _tag: "Generated", parentId: tasks[0]?.id ?? "", generation: 2 }]
      )
    })
  )

  it.effect("keeps the id that the world gives to a restated task", () =>
    Effect.gen(function* () {
      const { model } = inTurn(["find the pen <act>"])
      const known = knownWorlds("boxes")
      const { tasks } = yield* variationsOf(
        model,
        [seedOf("a", "key")],
        { perSeed: 1, key: 5 },
        {
          knowledge: () =>
            known && {
              ...known,
              restate: (task, instruction) => ({
                ...task,
                instruction,
                id: `${task.id}/${instruction}`
              })
            }
        }
      )
      assert.deepStrictEqual(
        tasks.map((task) => [task.id, DreamTask.subject(task).id]),
        [["a/find the pen", "a/find the pen"]]
      )
    })
  )

  it.effect(
    "asks a model that knows nothing of the world for a harder variation in plain words",
    () =>
      Effect.gen(function* () {
        const { batches, model } = inTurn(["juggle three pens <act>"])
        const { tasks } = yield* variationsOf(
          model,
          [seedOf("a", "key")],
          { perSeed: 1, key: 5 },
          { knowledge: () => undefined }
        )
        assert.strictEqual(tasks[0]?.instruction, "juggle three pens")
        assert.strictEqual(
          batches[0]?.[0]?.text,
          Format.plainTaskPrompt("You see box 1, box 2, box 3.", "find the key")
        )
      })
  )

  it.effect("fails where no seed can be dreamt, and where the model is out of reach", () =>
    Effect.gen(function* () {
      const request = { perSeed: 1, key: 5 }
      const none = variationsOf(inTurn([""]).model, [boxTask("a", "key")], request)
      const down = variationsOf(
        scripted(() => broken("Timeout")).model,
        [seedOf("a", "key")],
        request
      )
      const errors = yield* Effect.forEach([none, down], Effect.flip)
      assert.deepStrictEqual(
        errors.map((error) => error.reason),
        ["NoSeedTasks", "Unavailable"]
      )
    })
  )
})
