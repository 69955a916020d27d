import { Ending, type Environment, History, Lockstep, Policy, Seed } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Rollout } from "../src/index.ts"
import { corridor, environmentError, provenance, taskOf, walker } from "./corridor.ts"

const task = taskOf("t")
const options = { task, key: 5, stepLimit: 10 }

const walked = (places: number, rewards: ReadonlyArray<number>) =>
  rewards.slice(0, places).map((reward, at) => ({
    observation: `place ${at}`,
    action: { text: "east" },
    reward,
    nextObservation: `place ${at + 1}`,
    provenance
  }))

describe("an episode", () => {
  it.effect("records every transition, and the ending as the environment gave it", () =>
    Effect.gen(function* () {
      const { decisions, layer } = walker()
      const world = corridor(3)
      const trajectory = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(layer, world.layer))
      )
      assert.deepStrictEqual(trajectory, {
        id: "t:walker@7:5",
        task,
        firstObservation: "place 0",
        transitions: walked(3, [0, 0, 1]),
        ending: Ending.terminated(true),
        policy: "walker",
        policyVersion: 7
      })
      assert.deepStrictEqual(
        decisions.map(({ history, key }) => [History.turns(history).length, key]),
        [0, 1, 2].map((t) => [t, Seed.key(5, "decision", t)])
      )
      assert.deepStrictEqual(world.scopes, { opened: 1, closed: 1 })
    })
  )

  it.effect("is truncated at the step limit, one transition per step", () =>
    Effect.gen(function* () {
      const trajectory = yield* Rollout.episode({ ...options, stepLimit: 2 })
      assert.deepStrictEqual(trajectory.ending, Ending.truncated("StepLimit"))
      assert.deepStrictEqual(trajectory.transitions, walked(2, [0, 0]))
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )

  it.effect("that succeeds at its last allowed step is a success, not truncated", () =>
    Effect.gen(function* () {
      const trajectory = yield* Rollout.episode({ ...options, stepLimit: 3 })
      assert.deepStrictEqual(trajectory.ending, Ending.terminated(true))
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )

  const failing = (error: Environment.EnvironmentError) =>
    corridor(3, { steps: (at) => (at === 1 ? Effect.fail(error) : undefined) })

  it.effect("keeps what happened before the environment failed, and closes the world", () =>
    Effect.gen(function* () {
      const world = failing(environmentError("Unavailable"))
      const trajectory = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(walker().layer, world.layer))
      )
      assert.deepStrictEqual(trajectory.ending, Ending.failed("Environment", "Unavailable!"))
      assert.deepStrictEqual(trajectory.transitions, walked(1, [0]))
      assert.deepStrictEqual(world.scopes, { opened: 1, closed: 1 })
    })
  )

  it.effect("that fails as Timeout ends so", () =>
    Effect.gen(function* () {
      const { ending } = yield* Rollout.episode(options)
      assert.deepStrictEqual(ending, Ending.failed("Timeout", "Timeout!"))
    }).pipe(Effect.provide(Layer.merge(walker().layer, failing(environmentError("Timeout")).layer)))
  )

  it.effect("in an environment that nobody knows is a fault without transitions", () =>
    Effect.gen(function* () {
      const { ending, transitions } = yield* Rollout.episode({
        ...options,
        task: { ...task, environment: "moon" }
      })
      const message = 'no environment is called "moon"; this run has: corridor'
      assert.deepStrictEqual(
        { ending, transitions },
        {
          ending: Ending.failed("Environment", message),
          transitions: []
        }
      )
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )

  it.effect("keeps what happened before the policy failed", () =>
    Effect.gen(function* () {
      const lost = new Policy.PolicyError({
        reason: "NoAdmissibleAction",
        policy: "walker",
        message: "lost"
      })
      const { layer } = walker(({ history }) =>
        history.length === 2 ? Effect.fail(lost) : Effect.succeed({ text: "east" })
      )
      const trajectory = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(layer, corridor(3).layer))
      )
      assert.deepStrictEqual(trajectory.ending, Ending.failed("Policy", "lost"))
      assert.deepStrictEqual(trajectory.transitions, walked(2, [0, 0]))
    })
  )

  it.effect("keeps a step that ends as a fault as it is", () =>
    Effect.gen(function* () {
      const ending = Ending.failed("Parse", "no tag")
      const broken = { observation: "?", reward: 0, provenance, ending }
      const world = corridor(3, { steps: (at) => (at === 1 ? Effect.succeed(broken) : undefined) })
      const trajectory = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(walker().layer, world.layer))
      )
      assert.deepStrictEqual(trajectory.ending, ending)
      assert.deepStrictEqual(
        trajectory.transitions.map((transition) => transition.nextObservation),
        ["place 1", "?"]
      )
    })
  )

  it.effect("with a reward that is no number is a fault of the environment", () =>
    Effect.gen(function* () {
      const broken = { observation: "?", reward: Number.NaN, provenance }
      const world = corridor(3, { steps: (at) => (at === 1 ? Effect.succeed(broken) : undefined) })
      const { ending, transitions } = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(walker().layer, world.layer))
      )
      const message = "corridor gave the reward NaN; it must be finite"
      assert.deepStrictEqual(ending, Ending.failed("Environment", message))
      assert.deepStrictEqual(transitions, walked(1, [0]))
    })
  )

  it.effect("does not swallow a defect, but closes the world", () =>
    Effect.gen(function* () {
      const world = corridor(3, { steps: () => Effect.die(new Error("bug")) })
      const exit = yield* Rollout.episode(options).pipe(
        Effect.provide(Layer.merge(walker().layer, world.layer)),
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepStrictEqual(world.scopes, { opened: 1, closed: 1 })
    })
  )

  it.effect("fails as Timeout where policy or environment take too long", () =>
    Effect.gen(function* () {
      const slowPolicy = walker(() => Effect.never)
      const slowWorld = corridor(3, { steps: () => Effect.never })
      const bounds = { policyTimeout: "2 seconds", stepTimeout: "3 seconds" } as const
      const endings = [
        Layer.merge(slowPolicy.layer, corridor(3).layer),
        Layer.merge(walker().layer, slowWorld.layer)
      ].map((layer) => Rollout.episode({ ...options, ...bounds }).pipe(Effect.provide(layer)))
      const fiber = yield* Effect.forkChild(Effect.all(endings, { concurrency: "unbounded" }))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(
        (yield* Fiber.join(fiber)).map(({ ending }) => ending),
        [
          Ending.failed("Timeout", "policy walker took longer than 2s"),
          Ending.failed("Timeout", "environment corridor took longer than 3s")
        ]
      )
    })
  )
})

describe("a faulty start", () => {
  const flaky = (faults: number, reason: Environment.EnvironmentError["reason"]) => {
    let starts = 0
    const start = Effect.suspend(() =>
      starts++ < faults ? Effect.fail(environmentError(reason)) : Effect.void
    )
    return { starts: () => starts, layer: corridor(1, { start }).layer }
  }

  const run = (retries: number, world: ReturnType<typeof flaky>) =>
    Effect.gen(function* () {
      const before = yield* faultsSoFar
      const fiber = yield* Effect.forkChild(
        Rollout.episode({ ...options, retries }).pipe(
          Effect.provide(Layer.merge(walker().layer, world.layer))
        )
      )
      yield* TestClock.adjust("1 minute")
      const { ending } = yield* Fiber.join(fiber)
      return { ending, starts: world.starts(), counted: (yield* faultsSoFar) - before }
    })

  const faultsSoFar = Effect.gen(function* () {
    const counts = yield* Effect.forEach(["Unavailable", "BadTask"], (reason) =>
      Metric.value(Metric.withAttributes(Rollout.startFaults, { reason }))
    )
    return counts.reduce((sum, { count }) => sum + Number(count), 0)
  })

  it.effect("is tried again while the fault may pass, and each is counted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(2, flaky(2, "Unavailable")), {
        ending: Ending.terminated(true),
        starts: 3,
        counted: 2
      })
    })
  )

  it.effect("ends the episode when the retries are spent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(1, flaky(2, "Unavailable")), {
        ending: Ending.failed("Environment", "Unavailable!"),
        starts: 2,
        counted: 2
      })
    })
  )

  it.effect("is not tried again where trying cannot help", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(5, flaky(1, "BadTask")), {
        ending: Ending.failed("Environment", "BadTask!"),
        starts: 1,
        counted: 1
      })
    })
  )
})

describe("a wave", () => {
  const tasks = ["a", "b", "c"].map(taskOf)
  const keys = [11, 12, 13]

  it.effect("gives what its episodes give alone, whatever their number", () =>
    Effect.gen(function* () {
      const together = yield* Rollout.wave({ tasks, keys, stepLimit: 5 })
      const alone = yield* Effect.forEach(tasks, (task, i) =>
        Rollout.episode({ task, key: keys[i] ?? 0, stepLimit: 5 })
      )
      assert.deepStrictEqual(together, alone)
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )

  it.effect("makes one batch of every round, and goes on without an episode that failed", () =>
    Effect.gen(function* () {
      const batches: Array<number> = []
      const { call } = Lockstep.batched((requests: ReadonlyArray<string>) =>
        Effect.sync(() => (batches.push(requests.length), requests))
      )
      const lost = new Policy.PolicyError({ reason: "Malformed", policy: "walker", message: "?" })
      const { layer } = walker(({ history, task }) =>
        task.id === "b" && history.length === 1
          ? Effect.fail(lost)
          : Effect.map(call("east"), (text) => ({ text }))
      )
      const wave = yield* Rollout.wave({ tasks, keys, stepLimit: 5 }).pipe(
        Effect.provide(Layer.merge(layer, corridor(3).layer))
      )
      assert.deepStrictEqual(batches, [3, 2, 2])
      assert.deepStrictEqual(
        wave.map(({ ending }) => ending),
        [Ending.terminated(true), Ending.failed("Policy", "?"), Ending.terminated(true)]
      )
    })
  )

  it.effect("with another number of keys than tasks is a defect", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Rollout.wave({ tasks, keys: [1], stepLimit: 5 }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )
})

describe("groups", () => {
  const tasks = ["a", "b", "c"].map(taskOf)
  const shape = { groupSize: 2, waveSize: 2, stepLimit: 5, seed: 3 }

  /** A policy whose version rises each time the version is asked for, as a learner would raise it between waves. */
  const learning = (versions: Array<number>) => {
    let version = 0
    const { policy } = walker()
    return Layer.succeed(Policy.Policy, {
      ...policy,
      version: Effect.sync(() => (versions.push(version), version))
    }).pipe((layer) => ({ layer, learn: () => version++ }))
  }

  it.effect(
    "come in the order of the tasks, each of one policy version, each episode with its own key",
    () =>
      Effect.gen(function* () {
        const { layer, learn } = learning([])
        const groups = yield* Stream.fromIterable(tasks).pipe(
          Rollout.groups(shape),
          Stream.tap((group) => Effect.sync(() => (group.task.id === "b" ? learn() : 0))),
          Stream.runCollect,
          Effect.provide(Layer.merge(layer, corridor(3).layer))
        )
        const key = (wave: number, index: number) =>
          Seed.key(3, "episode", wave, index).toString(36)
        assert.deepStrictEqual(
          groups.map((group) => [
            group.task.id,
            group.policyVersion,
            group.trajectories.map(({ id, policyVersion }) => [id, policyVersion])
          ]),
          [
            ["a", 0, [0, 1].map((i) => [`a:walker@0:${key(0, i)}`, 0])],
            ["b", 0, [2, 3].map((i) => [`b:walker@0:${key(0, i)}`, 0])],
            ["c", 1, [0, 1].map((i) => [`c:walker@1:${key(1, i)}`, 1])]
          ]
        )
      })
  )

  it.effect("of a run that continues are those of a run that never stopped", () =>
    Effect.gen(function* () {
      const whole = yield* Stream.fromIterable(tasks).pipe(Rollout.groups(shape), Stream.runCollect)
      const rest = yield* Stream.fromIterable(tasks.slice(2)).pipe(
        Rollout.groups({ ...shape, firstWave: 1 }),
        Stream.runCollect
      )
      assert.deepStrictEqual(rest, whole.slice(2))
    }).pipe(Effect.provide(Layer.merge(walker().layer, corridor(3).layer)))
  )

  it.effect("are made only when asked for", () =>
    Effect.gen(function* () {
      const { decisions, layer } = walker()
      yield* Stream.fromIterable(tasks).pipe(
        Stream.rechunk(1),
        Rollout.groups({ ...shape, waveSize: 1 }),
        Stream.take(1),
        Stream.runDrain,
        Effect.provide(Layer.merge(layer, corridor(3).layer))
      )
      assert.strictEqual(decisions.length, 2 * 3)
    })
  )
})
