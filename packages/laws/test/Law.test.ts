import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Law } from "../src/index.ts"

const checked = (check: Parameters<typeof Law.law>[1]) =>
  Effect.runPromise(Law.violations({ name: "s", laws: [Law.law("a law", check)] })).then((found) =>
    found.map(({ law, message }) => [law, message])
  )

describe("a law", () => {
  it("is kept, or broken with its name and the reason", async () => {
    assert.deepStrictEqual(await checked(Law.same("this", { a: [1] }, { a: [1] })), [])
    assert.deepStrictEqual(await checked(Law.same("this", { a: [1] }, { a: [2] })), [
      ["a law", 'this: expected {"a":[2]}, found {"a":[1]}']
    ])
  })

  it("is broken by errors and defects alike", async () => {
    assert.deepStrictEqual(await checked(Effect.fail({ odd: 1 })), [["a law", '{"odd":1}']])
    assert.deepStrictEqual(await checked(Effect.die(new Error("bug"))), [["a law", "bug"]])
  })

  it("that wants a failure tells which one it met", async () => {
    const wants = <A>(effect: Effect.Effect<A, Law.Failing>) =>
      checked(Law.failsWith("it", effect, "Bad", "Io"))
    assert.deepStrictEqual(await wants(Effect.fail({ _tag: "Bad", reason: "Io" })), [])
    assert.deepStrictEqual(await wants(Effect.fail({ _tag: "Bad", reason: "Net" })), [
      ["a law", "it: expected Bad Io, it failed as Bad Net"]
    ])
    assert.deepStrictEqual(await wants(Effect.succeed(3)), [
      ["a law", "it: expected Bad Io, it answered 3"]
    ])
  })

  it("about all values tells the smallest that breaks it, the same each time", async () => {
    const small = Law.forAll(fc.nat(), (n) => Law.holds(n < 10, `${n} is too great`))
    const [[, message = ""] = []] = await checked(small)
    assert.match(message, /Counterexample: \[10\]/)
    assert.match(message, /10 is too great/)
    assert.deepStrictEqual(await checked(small), [["a law", message]])
  })

  it("closes what it opened for each value", async () => {
    let open = 0
    const scoped = Effect.acquireRelease(
      Effect.sync(() => open++),
      () => Effect.sync(() => open--)
    )
    await checked(
      Law.forAll(fc.nat(), () => Effect.flatMap(scoped, () => Law.same("open", open, 1)))
    )
    assert.strictEqual(open, 0)
  })

  it("becomes a test of whichever runner the caller has", async () => {
    const tests: Array<[string, () => Promise<void>]> = []
    const names: Array<string> = []
    const runner: Law.Runner = {
      describe: (name, define) => (names.push(name), define()),
      it: (name, run) => tests.push([name, run])
    }
    Law.describeLaws(runner, {
      name: "Door obeys",
      laws: [Law.law("one", Effect.void), Law.law("two", Law.holds(false, "no"))]
    })
    assert.deepStrictEqual(names, ["Door obeys"])
    const outcomes = await Promise.allSettled(tests.map(([, run]) => run()))
    assert.deepStrictEqual(
      outcomes.map((outcome, i) => [tests[i]?.[0], outcome.status]),
      [
        ["one", "fulfilled"],
        ["two", "rejected"]
      ]
    )
  })
})
