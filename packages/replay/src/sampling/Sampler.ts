/**
 * Draws from a changing set of slots by one strategy, decided by a key, with importance weights.
 * It knows slots and numbers only; what is behind a slot is the caller's, and balance among kinds is `BalancedSampler`'s.
 */
import { type ReplayBuffer, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Chances from "./Chances.ts"

/** `value` means what the strategy says (`Chances.make`). */
export interface Setting {
  readonly slot: number
  readonly value: number
}

/**
 * `key` decides the draw. Without `replacement` none comes twice before all came once; then the draw begins anew. `beta` in
 * [0, 1] is how much of the bias the importance weights take back (default 1: all).
 */
export interface Request {
  readonly count: number
  readonly key: Seed.Key
  readonly replacement: boolean
  readonly beta?: number
}

/**
 * `probability` is that of one draw from the whole set. `importance` is (N x probability)^-beta over the greatest of the
 * sample, so in (0, 1] (Schaul et al. 2016, section 3.4).
 */
export interface Drawn {
  readonly slot: number
  readonly probability: number
  readonly importance: number
}

/**
 * Slots are integers from 0, as small as possible. `set` adds or changes all or, where it fails, none. The same settings and
 * request give the same draw, whatever was drawn before; the draw of an empty set is empty.
 */
export interface Sampler {
  readonly size: () => number
  readonly set: (settings: ReadonlyArray<Setting>) => Effect.Effect<void, SamplerError>
  readonly remove: (slots: ReadonlyArray<number>) => void
  readonly draw: (request: Request) => ReadonlyArray<Drawn>
}

export class SamplerError extends Schema.TaggedError<SamplerError>()("SamplerError", {
  reason: Schema.Literals(["OutOfRange", "NoSlot"]),
  message: Schema.String
}) {}

/** The default priority strategy: alpha 0.6 and a floor that keeps every slot possible. */
export const proportional = (alpha = 0.6, epsilon = 1e-6): Strategy => ({
  _tag: "Proportional",
  alpha,
  epsilon
})

export type Strategy = ReplayBuffer.Strategy

export const make = (strategy: Strategy): Sampler => {
  const chances = Chances.make(strategy)
  return {
    size: chances.size,
    set: Effect.fn("Sampler.set")(function* (settings) {
      const fault = settings.map(faultOf).find((wrong) => wrong !== undefined)
      if (fault !== undefined) return yield* fault
      for (const { slot, value } of settings) chances.set(slot, value)
    }),
    remove: (slots) => slots.forEach(chances.remove),
    draw: (request) => draw(chances, request)
  }
}

/** What is wrong with a setting, for every sampler. */
export const faultOf = ({ slot, value }: Setting): SamplerError | undefined => {
  if (!Number.isInteger(slot) || slot < 0) {
    return new SamplerError({
      reason: "NoSlot",
      message: `${slot} is no slot; slots are integers from 0`
    })
  }
  if (Number.isFinite(value)) return undefined
  return new SamplerError({
    reason: "OutOfRange",
    message: `slot ${slot} cannot be weighed by ${value}; find out where the update gave no sensible number`
  })
}

const draw = (chances: Chances.Chances, request: Request): ReadonlyArray<Drawn> => {
  const drawn: Array<Weighed> = []
  for (let round = 0; chances.size() > 0 && drawn.length < request.count; round++) {
    const rest = request.count - drawn.length
    const count = request.replacement ? rest : Math.min(rest, chances.size())
    const random = Seed.generator(Seed.key(request.key, "sample", round))
    const found = slotsOf(random, [chances], { count, replacement: request.replacement })
    if (found.length === 0) break
    for (const one of found) drawn.push(one)
  }
  return withImportance(drawn, chances.size(), request.beta ?? 1)
}

/** A drawn slot and its probability. */
export interface Weighed {
  readonly slot: number
  readonly probability: number
}

/** Of the union of sets with comparable weights; without replacement `count` is at most their size. */
export const slotsOf = (
  random: () => number,
  sets: ReadonlyArray<Chances.Chances>,
  { count, replacement }: { readonly count: number; readonly replacement: boolean }
): ReadonlyArray<Weighed> => {
  const whole = totalOf(sets)
  const drawn: Array<Weighed> = []
  while (drawn.length < count) {
    const found = findIn(sets, pointOf(random))
    if (found === undefined) break
    const { chances, slot } = found
    drawn.push({ slot, probability: chances.weight(slot) / whole })
    if (!replacement) chances.hide(slot)
  }
  sets.forEach((chances) => chances.restore())
  return drawn
}

const totalOf = (sets: ReadonlyArray<Chances.Chances>): number =>
  sets.reduce((sum, chances) => sum + chances.total(), 0)

/** One number of 53 bits from two of 32: among ten million slots 32 bits would be coarse. */
const pointOf = (random: () => number): number =>
  Math.min(random() + random() * 2 ** -32, 1 - Number.EPSILON)

const findIn = (sets: ReadonlyArray<Chances.Chances>, point: number) => {
  let rest = point * (sets.length === 1 ? 1 : totalOf(sets))
  let found: { readonly chances: Chances.Chances; readonly slot: number } | undefined
  for (const chances of sets) {
    const total = sets.length === 1 ? 1 : chances.total()
    if (total <= 0) continue
    const slot = rest < total ? chances.find(rest / total) : chances.find(1 - Number.EPSILON)
    if (slot >= 0) found = { chances, slot }
    if (rest < total) break
    rest -= total
  }
  return found
}

/** `size` is N of the importance weights. */
export const withImportance = (
  drawn: ReadonlyArray<Weighed>,
  size: number,
  beta: number
): ReadonlyArray<Drawn> => {
  const weights = drawn.map(({ probability }) => (size * probability) ** -beta)
  const greatest = weights.reduce((most, weight) => Math.max(most, weight), 0)
  return drawn.map((one, i) => ({ ...one, importance: (weights[i] ?? 0) / greatest }))
}
