import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Advantage, Estimator } from "../src/index.ts"

type Stream = Estimator.Stream

const number = fc.double({ min: -5, max: 5, noNaN: true })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const options = fc.record({ gamma: share, gaeLambda: share })

const stream = fc
  .array(fc.tuple(number, number, fc.boolean()), { minLength: 1, maxLength: 14 })
  .chain((places) =>
    fc.record({
      rewardsT: fc.constant(places.map(([reward]) => reward)),
      valuesT: fc.constant(places.map(([, value]) => value)),
      maskT: fc.constant(places.map(([, , isChoice]) => isChoice)),
      bootstrap: number
    })
  )

const group = fc.array(stream, { minLength: 2, maxLength: 6 })

/** The places of a stream that are choices, by number. */
const choices = ({ maskT }: Stream) => maskT.flatMap((isChoice, t) => (isChoice ? [t] : []))

const add = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0)

const earned = (one: Stream) => add(choices(one).map((t) => one.rewardsT[t] ?? 0))

const assertClose = (found: ReadonlyArray<number>, wanted: ReadonlyArray<number>) => {
  assert.strictEqual(found.length, wanted.length)
  for (const [i, value] of found.entries()) {
    const expected = wanted[i] ?? Number.NaN
    assert.closeTo(value, expected, 1e-8 * (1 + Math.abs(expected)))
  }
}

/** Sums of all later errors of one step, term by term, over the choices alone. */
const slowGae = (one: Stream, { gaeLambda, gamma }: Advantage.GaeOptions) => {
  const at = choices(one)
  const error = (j: number) => {
    const [t, next] = [at[j] ?? -1, at[j + 1]]
    const after = next === undefined ? one.bootstrap : (one.valuesT[next] ?? 0)
    return (one.rewardsT[t] ?? 0) + gamma * after - (one.valuesT[t] ?? 0)
  }
  return one.maskT.map((isChoice, t) => {
    if (!isChoice) return 0
    const i = at.indexOf(t)
    return add(at.slice(i).map((_, l) => (gamma * gaeLambda) ** l * error(i + l)))
  })
}

describe("Advantages over a stream with masked places", () => {
  it("are the double sum of their definition over the choices, and 0 elsewhere", () => {
    fc.assert(
      fc.property(stream, options, (one, own) => {
        const [found] = Estimator.estimators.gae.of([one], own)
        const wanted = slowGae(one, own)
        assertClose(found?.advantagesT ?? [], wanted)
        const returns = wanted.map((a, t) => (one.maskT[t] ? a + (one.valuesT[t] ?? 0) : 0))
        assertClose(found?.returnsT ?? [], returns)
      })
    )
  })

  it("do not change where places are put in between that nobody chose", () => {
    fc.assert(
      fc.property(stream, options, fc.nat(), number, (one, own, where, noise) => {
        const at = where % (one.rewardsT.length + 1)
        const put = <A>(list: ReadonlyArray<A>, x: A) => list.toSpliced(at, 0, x)
        const longer: Stream = {
          ...one,
          rewardsT: put(one.rewardsT, noise),
          valuesT: put(one.valuesT, noise),
          maskT: put(one.maskT, false)
        }
        const [short] = Estimator.estimators.gae.of([one], own)
        const [long] = Estimator.estimators.gae.of([longer], own)
        assertClose(long?.advantagesT.toSpliced(at, 1) ?? [], short?.advantagesT ?? [])
        assert.strictEqual(long?.advantagesT[at], 0)
      })
    )
  })
})

/** Each from its formula, from what the episodes of the group earned. */
const formulas = {
  grpo: (returns: ReadonlyArray<number>, g: number) => {
    const mean = add(returns) / returns.length
    const variance = add(returns.map((one) => (one - mean) ** 2)) / returns.length
    return ((returns[g] ?? 0) - mean) / (Math.sqrt(variance) + 1e-6)
  },
  dr_grpo: (returns: ReadonlyArray<number>, g: number) =>
    (returns[g] ?? 0) - add(returns) / returns.length,
  rloo: (returns: ReadonlyArray<number>, g: number) => {
    const others = returns.filter((_, i) => i !== g)
    return (returns[g] ?? 0) - add(others) / others.length
  }
}

describe("Advantages relative to a group", () => {
  it.each(["grpo", "dr_grpo", "rloo"] as const)("are those of the formula: %s", (name) => {
    fc.assert(
      fc.property(group, options, (streams, own) => {
        const returns = streams.map(earned)
        fc.pre(Math.max(...returns) - Math.min(...returns) > 0.01)
        const found = Estimator.estimators[name].of(streams, own)
        for (const [g, one] of streams.entries()) {
          const wanted = formulas[name](returns, g)
          assertClose(
            found[g]?.advantagesT ?? [],
            one.rewardsT.map(() => wanted)
          )
        }
      })
    )
  })

  it("of GRPO are 0 where all earned the same", () => {
    const flat: Stream = { rewardsT: [0, 1], valuesT: [0, 0], maskT: [true, true], bootstrap: 0 }
    const [one] = Estimator.estimators.grpo.of([flat, flat], { gamma: 1, gaeLambda: 1 })
    assert.deepStrictEqual(one?.advantagesT, [0, 0])
  })
})

describe("REINFORCE++", () => {
  it("is the discounted return from each choice on, without a critic or a bootstrap", () => {
    fc.assert(
      fc.property(stream, options, (one, own) => {
        const at = choices(one)
        const [found] = Estimator.estimators.reinforce_plus_plus.of([one], own)
        const wanted = one.maskT.map((isChoice, t) => {
          const i = at.indexOf(t)
          const later = isChoice ? at.slice(i) : []
          return add(later.map((s, l) => own.gamma ** l * (one.rewardsT[s] ?? 0)))
        })
        assertClose(found?.advantagesT ?? [], wanted)
      })
    )
  })
})

const worth = (advantage: number, source: "real" | "synthetic"): Advantage.Worth => ({
  advantage,
  source
})

describe("Normalising", () => {
  it("is over the tokens of all decisions, not over decisions, where advantages are of tokens", () => {
    const tokens = (...advantages: ReadonlyArray<number>): Advantage.Worth => ({
      advantage: 0,
      tokens: { advantages, returns: [], oldValues: [] }
    })
    const found = Advantage.whitened([tokens(1, 1, 1), tokens(5)])
    const all = found.flatMap((one) => one.tokens?.advantages ?? [])
    assertClose(
      all,
      [-1, -1, -1, 3].map((x) => x / Math.sqrt(3))
    )
  })

  it("is apart for what was lived and for what was dreamt", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, fc.boolean()), { minLength: 4, maxLength: 20 }),
        (drawn) => {
          const all = drawn.map(([x, isReal]) => worth(x, isReal ? "real" : "synthetic"))
          const found = Advantage.whitened(all)
          for (const source of ["real", "synthetic"] as const) {
            const pick = (list: ReadonlyArray<Advantage.Worth>) =>
              list.filter((one) => one.source === source).map((one) => one.advantage)
            assert.deepStrictEqual(pick(found), Advantage.normalize(pick(all)))
          }
        }
      )
    )
  })
})
