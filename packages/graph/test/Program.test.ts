import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Op, Program, Session } from "../src/index.ts"
import { type Input, reference } from "./program.ts"

const { SessionPool } = Session

const inputOf = (overrides: Partial<Input> = {}): Input => ({
  x: Float32Array.of(1, 2, 3),
  times: 4,
  seen: new Int32Array(new SharedArrayBuffer(4)),
  ...overrides
})

const table = new Float32Array(new SharedArrayBuffer(8))

const graphs = {
  doubling: (length: number) => ({ y: Op.multiply(Op.input("x", [length]), 2) }),
  lookup: () => ({
    row: Op.gather(Op.input("table", [2, 1]), Op.cast(Op.input("id", [1]), "int64"))
  })
}

/** Performs the program in one thread, with the sessions that it has asked for before. */
const performing = Effect.fn(function* (worker = 0) {
  const pool = yield* SessionPool
  const scope = yield* Scope.Scope
  const sessions: { [key: string]: Session.Loaded } = {}
  const asked: Array<string> = []
  const open = Effect.fn(function* (wanted: Program.Wanted) {
    const key = Program.keyOf(wanted)
    asked.push(key)
    const session =
      wanted.kind === "lookup"
        ? yield* pool.compile(graphs.lookup(), { name: "the lookup", worker, bind: { table } })
        : yield* pool.compile(graphs.doubling(wanted.sizes["length"] ?? 0), { name: key, worker })
    sessions[key] = session
    return session
  })
  const perform = (input: Input, options: Partial<Session.PerformOptions> = {}) =>
    pool.perform(reference, input, {
      name: "the program",
      worker,
      sessions,
      open: (wanted) => Effect.provideService(open(wanted), Scope.Scope, scope),
      ...options
    })
  return { asked, open, perform, pool }
})

/** Waits until a program has made some runs. */
const running = Effect.fn(function* ({ seen }: Input) {
  while (Atomics.load(seen, 0) < 3) yield* Effect.sleep("1 millis")
})

const endless = 1_000_000

for (const [where, pool] of [
  ["a thread", Session.layer({ workers: 1 })],
  ["the caller's thread", Session.layerInline]
] as const)
  describe(`a program in ${where}`, () => {
    it.effect("finds its sessions, which are compiled when it asks for them first", () =>
      Effect.gen(function* () {
        const { asked, perform } = yield* performing()
        assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
        assert.deepStrictEqual(yield* perform(inputOf({ times: 2 })), { sum: 24 })
        const longer = inputOf({ x: Float32Array.of(1, 1, 1, 1, 1), times: 1 })
        assert.deepStrictEqual(yield* perform(longer), { sum: 10 })
        assert.deepStrictEqual(asked, ["doubling 3", "lookup", "doubling 5"])
      }).pipe(Effect.scoped, Effect.provide(pool))
    )

    const faults: ReadonlyArray<readonly [Required<Input>["wrong"], string, string, RegExp]> = [
      ["feed", "MisshapenFeed", "doubling 3", /^input x is float32 \[3\].* given float32 \[2\]$/],
      ["id", "RunFailed", "the lookup", /^the lookup failed in node Gather:row .* out of data/],
      ["throws", "RunFailed", "the program", /^the program: RangeError: it went wrong$/],
      ["result", "RunFailed", "the program", /not what was expected: file:.*program\.ts/]
    ]
    for (const [wrong, reason, graph, message] of faults)
      it.effect(`says what went wrong: ${wrong}`, () =>
        Effect.gen(function* () {
          const { perform } = yield* performing()
          const error = yield* Effect.flip(perform(inputOf({ wrong })))
          assert.deepStrictEqual([error.reason, error.graph], [reason, graph])
          assert.match(error.message, message)
          assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
        }).pipe(Effect.scoped, Effect.provide(pool))
      )

    it.effect("fails with what its caller could not compile, and leaves nothing behind", () =>
      Effect.gen(function* () {
        const { perform } = yield* performing()
        const cause = new Session.SessionError({
          reason: "CompileFailed",
          message: "no such graph"
        })
        const error = yield* Effect.flip(perform(inputOf(), { open: () => Effect.fail(cause) }))
        assert.deepStrictEqual(
          [error.reason, error.message],
          [cause.reason, "the program: no such graph"]
        )
        assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
      }).pipe(Effect.scoped, Effect.provide(pool))
    )

    it.effect("lets others run while it waits for a session", () =>
      Effect.gen(function* () {
        const { open, perform } = yield* performing()
        const scope = yield* Scope.Scope
        const sums: Array<unknown> = []
        const other = (wanted: Program.Wanted) =>
          Effect.gen(function* () {
            if (wanted.kind === "lookup") sums.push(yield* perform(inputOf({ times: 1 })))
            return yield* open(wanted)
          }).pipe(Effect.provideService(Scope.Scope, scope))
        sums.push(yield* perform(inputOf({ times: 2 }), { open: other }))
        assert.deepStrictEqual(sums, [{ sum: 12 }, { sum: 24 }])
      }).pipe(Effect.scoped, Effect.provide(pool))
    )

    it.live("is dropped between two runs when nobody waits for it any more", () =>
      Effect.gen(function* () {
        const { perform } = yield* performing()
        const input = inputOf({ times: endless })
        const fiber = yield* Effect.forkChild(perform(input))
        yield* running(input)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
        const seen = Atomics.load(input.seen, 0)
        assert.isBelow(seen, endless)
        assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
        assert.strictEqual(Atomics.load(input.seen, 0), seen)
      }).pipe(Effect.scoped, Effect.provide(pool))
    )
  })

/** The entry of a thread that dies of a feed named poison. */
const mortal = (built: string) => `
  import { parentPort } from "node:worker_threads"
  import ${JSON.stringify(built)}
  parentPort.on("message", ({ request }) => request?.feeds?.poison && process.exit(7))`

describe("a program", () => {
  it.effect("runs in the thread that it was given, beside the sessions there", () =>
    Effect.gen(function* () {
      const second = yield* performing(1)
      assert.deepStrictEqual(yield* second.perform(inputOf()), { sum: 96 })
      const elsewhere = yield* Effect.flip(second.perform(inputOf(), { worker: 0 }))
      assert.match(elsewhere.message, /^the program: Error: session \d is not in this thread/)
      const nowhere = yield* Effect.flip(second.perform(inputOf(), { worker: 2 }))
      assert.strictEqual(nowhere.reason, "UnknownWorker")
    }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 2 })))
  )

  it.effect("whose module is not there, or whose result cannot be sent, fails by name", () =>
    Effect.gen(function* () {
      const { perform, pool } = yield* performing()
      const nowhere = { ...reference, module: new URL("./nowhere.ts", import.meta.url) }
      const options = { name: "the lost one", worker: 0, sessions: {}, open: () => Effect.die("") }
      const lost = yield* Effect.flip(pool.perform(nowhere, {}, options))
      assert.match(lost.message, /^the lost one: Error.*nowhere\.ts/)
      const stuck = yield* Effect.flip(perform(inputOf({ wrong: "uncloneable" })))
      assert.match(stuck.message, /^the program: DataCloneError/)
      assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
    }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1 })))
  )

  it.effect("that waits while its thread dies fails; the next one runs in another thread", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "program-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const entry = join(folder, "entry.mjs")
      writeFileSync(entry, mortal(new URL("../src/SessionWorker.ts", import.meta.url).href))
      const context = yield* Layer.build(Session.layerFrom({ workers: 1 }, pathToFileURL(entry)))
      yield* Effect.gen(function* () {
        const { open, perform, pool } = yield* performing()
        const scope = yield* Scope.Scope
        const poison = yield* pool.compile({ sum: Op.add(Op.input("poison", [1]), 1) })
        const dying = (wanted: Program.Wanted) =>
          Effect.ignore(poison.run({ poison: Float32Array.of(1) })).pipe(
            Effect.andThen(open(wanted)),
            Effect.provideService(Scope.Scope, scope)
          )
        const error = yield* Effect.flip(perform(inputOf(), { open: dying }))
        assert.strictEqual(error.reason, "WorkerDied")
        assert.match(error.message, /its thread has ended while it waited/)
        assert.deepStrictEqual(yield* perform(inputOf()), { sum: 96 })
      }).pipe(Effect.provide(context))
    }).pipe(Effect.scoped)
  )

  it.live("is dropped, and fails, when its pool is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Session.layer({ workers: 1 }), scope)
      const { perform } = yield* Effect.provide(performing(), context)
      const input = inputOf({ times: endless })
      const fiber = yield* Effect.forkChild(Effect.flip(perform(input)))
      yield* running(input)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "WorkerDied")
      assert.isBelow(Atomics.load(input.seen, 0), endless)
    }).pipe(Effect.scoped)
  )
})
