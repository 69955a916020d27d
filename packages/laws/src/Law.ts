/**
 * A law: a sentence about every implementation of a contract, with the program that checks it.
 * It belongs to no test runner; `describeLaws` gives a suite to whichever one the caller has.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"

/** `message` says what was expected and what was found instead. */
export class LawViolation extends Schema.TaggedError<LawViolation>()("LawViolation", {
  law: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

export interface Law {
  readonly name: string
  readonly check: Effect.Effect<void, LawViolation>
}

/** `name` is the implementation's. */
export interface Suite {
  readonly name: string
  readonly laws: ReadonlyArray<Law>
}

/** What a test runner must offer; vitest, `@effect/vitest` and `node:test` do. */
export interface Runner {
  readonly describe: (name: string, define: () => void) => unknown
  readonly it: (name: string, run: () => Promise<void>) => unknown
}

/** One test per law, under the suite's name. */
export const describeLaws = ({ describe, it }: Runner, suite: Suite): void => {
  describe(suite.name, () => {
    for (const { check, name } of suite.laws) it(name, () => Effect.runPromise(check))
  })
}

/** The laws that `suite` breaks, in their order. */
export const violations = (suite: Suite): Effect.Effect<ReadonlyArray<LawViolation>> =>
  Effect.forEach(suite.laws, ({ check }) =>
    Effect.match(check, { onFailure: (violation) => [violation], onSuccess: () => [] })
  ).pipe(Effect.map((found) => found.flat()))

/** Whatever goes wrong in `check`, defects included, violates the law. */
export const law = (name: string, check: Effect.Effect<void, unknown, Scope.Scope>): Law => ({
  name,
  check: check.pipe(
    Effect.scoped,
    Effect.catchCause((cause) => Effect.fail(violationOf(name, cause)))
  )
})

/** Inside a check: fails unless `isSo`. */
export const holds = (isSo: boolean, otherwise: string): Effect.Effect<void, Broken> =>
  isSo ? Effect.void : Effect.fail(new Broken({ message: otherwise }))

/** Inside a check: whole values, compared by structure. */
export const same = (
  what: string,
  found: unknown,
  expected: unknown
): Effect.Effect<void, Broken> =>
  Effect.suspend(() => {
    if (Equal.equals(found, expected)) return Effect.void
    const [one, other] = fromWhereTheyDiffer(fc.stringify(expected), fc.stringify(found))
    return holds(false, `${what}: expected ${cut(one)}, found ${cut(other)}`)
  })

/** Inside a check: `effect` must fail, and its error must have this tag and, where given, this reason. */
export const failsWith = <A>(
  what: string,
  effect: Effect.Effect<A, Failing>,
  tag: string,
  reason?: string
): Effect.Effect<void, Broken> => {
  const expected = `${what}: expected ${reason === undefined ? tag : `${tag} ${reason}`}`
  return Effect.matchEffect(effect, {
    onSuccess: (answer) => holds(false, `${expected}, it answered ${shown(answer)}`),
    onFailure: (error) =>
      holds(
        error._tag === tag && (reason === undefined || error.reason === reason),
        `${expected}, it failed as ${error._tag} ${error.reason}`
      )
  })
}

/** An error as the contracts have them. */
export interface Failing {
  readonly _tag: string
  readonly reason: string
}

/** Inside a check: `check` for `runs` values of `arbitrary`, the same ones every time; the smallest counterexample is told. */
export const forAll = <A>(
  arbitrary: fc.Arbitrary<A>,
  check: (value: A) => Effect.Effect<void, unknown, Scope.Scope>,
  runs = 25
): Effect.Effect<void, unknown> => {
  const property = fc.asyncProperty(arbitrary, (value) =>
    Effect.runPromiseExit(Effect.scoped(check(value))).then((exit) => {
      if (Exit.isFailure(exit)) return Promise.reject(Cause.squash(exit.cause))
      return undefined
    })
  )
  return Effect.tryPromise({
    try: () => fc.assert(property, { numRuns: runs, seed: 1 }),
    catch: (cause) => new Broken({ message: reportOf(cause), cause })
  })
}

/** A law that does not hold; `law` adds its name. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

const violationOf = (name: string, cause: Cause.Cause<unknown>): LawViolation => {
  const error = Cause.squash(cause)
  return new LawViolation({ law: name, message: messageOf(error), cause: error })
}

const messageOf = (error: unknown): string =>
  error instanceof Error && error.message !== "" ? error.message : shown(error)

/** fast-check tells the counterexample, its cause what was wrong with it. */
const reportOf = (failure: unknown): string =>
  failure instanceof Error && failure.cause !== undefined
    ? `${messageOf(failure.cause)}\n${failure.message}`
    : messageOf(failure)

const longest = 600

const shown = (value: unknown): string => cut(fc.stringify(value))

const cut = (text: string): string =>
  text.length > longest ? `${text.slice(0, longest)}...` : text

/** So much of what is common to two long texts is told before they part. */
const common = 100

const fromWhereTheyDiffer = (one: string, other: string): readonly [string, string] => {
  if (Math.max(one.length, other.length) <= longest) return [one, other]
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  const start = at - common
  return start <= 0 ? [one, other] : [`...${one.slice(start)}`, `...${other.slice(start)}`]
}
