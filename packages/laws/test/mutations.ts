/** A table of broken implementations: for each law one that breaks it, and words of the reason that the law must give. */
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { Law } from "../src/index.ts"

export interface Mutant {
  readonly broken: Law.Suite
  readonly because: RegExp
}

type Mutants = Readonly<Record<string, Mutant | ReadonlyArray<Mutant>>>

/** The good implementation obeys; every law has its mutants, and finds them for the right reason. */
export const provenLaws = (good: Law.Suite, mutants: Mutants): void => {
  Law.describeLaws({ describe, it }, good)
  describe(`${good.name}, and is seen to be broken where`, () => {
    it("has a broken implementation for each law", () => {
      assert.deepStrictEqual(
        Object.keys(mutants),
        good.laws.map(({ name }) => name)
      )
    })
    for (const [name, ofLaw] of Object.entries(mutants)) {
      for (const [i, { because, broken }] of [ofLaw].flat().entries()) {
        it(`not: ${name}${i === 0 ? "" : `, in way ${i + 1}`}`, async () => {
          const laws = broken.laws.filter((law) => law.name === name)
          const [violation] = await Effect.runPromise(Law.violations({ ...broken, laws }))
          assert.match(violation?.message ?? "nothing was found", because)
        })
      }
    }
  })
}
