/**
 * Draws from what a buffer keeps, by any strategy: one sampler each, made at its first use and followed from then on.
 * What failed or was rejected is never drawn. The same contents and request give the same draw, whatever was there before.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Change, Entry } from "./Kept.ts"
import * as Followed from "./sampling/Followed.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * `apply` follows the changes of what is kept, `entries` is all of it, oldest first. `draw` fails as `BadRequest` where the request contradicts itself, and as `NotEnough`
 * where there is nothing to draw.
 */
export interface Sampling {
  readonly apply: (change: Change) => void
  readonly draw: (
    request: ReplayBuffer.SampleRequest,
    entries: () => ReadonlyArray<Entry>
  ) => Effect.Effect<ReadonlyArray<Followed.Drawn>, Failed>
}

/** Samplers at once; who changes strategy at every draw waits for a new one each time. */
const mostSamplers = 8

export const make = (): Sampling => {
  const priorities = new Map<number, number>()
  const samplers = new Map<string, Followed.Followed>()
  const samplerOf = (
    strategy: ReplayBuffer.Strategy,
    entries: () => ReadonlyArray<Entry>
  ): Followed.Followed => {
    const key = JSON.stringify(Object.entries(strategy).sort())
    const sampler =
      samplers.get(key) ??
      Followed.make(
        strategy,
        entries().filter(isDrawable),
        ({ priority, seq }) => priorities.get(seq) ?? priority
      )
    // The one used last is the last to go.
    samplers.delete(key)
    for (const oldest of samplers.keys()) {
      if (samplers.size >= mostSamplers) samplers.delete(oldest)
    }
    samplers.set(key, sampler)
    return sampler
  }
  return {
    apply: (change) => {
      note(priorities, change)
      const drawable = drawableOf(change)
      for (const [key, sampler] of samplers) {
        if (!sampler.apply(drawable)) samplers.delete(key)
      }
    },
    draw: (request, entries) => draw((strategy) => samplerOf(strategy, entries), request)
  }
}

const isDrawable = ({ isFailed, isRejected }: Entry): boolean => !isFailed && !isRejected

/** Priorities that differ from those of the entries. */
const note = (
  priorities: Map<number, number>,
  { evicted, inserted, prioritised = [] }: Change
): void => {
  if (inserted !== undefined) priorities.delete(inserted.seq)
  for (const { seq } of evicted) priorities.delete(seq)
  for (const { priority, seq } of prioritised) priorities.set(seq, priority)
}

const drawableOf = ({ inserted, ...change }: Change): Change =>
  inserted !== undefined && isDrawable(inserted) ? { ...change, inserted } : change

const draw = (
  samplerOf: (strategy: ReplayBuffer.Strategy) => Followed.Followed,
  request: ReplayBuffer.SampleRequest
): Effect.Effect<ReadonlyArray<Followed.Drawn>, Failed> =>
  Effect.suspend(() => {
    const wrong = faultOf(request)
    if (wrong !== undefined) return Effect.fail(refused(wrong))
    const { count, environments, key, realFraction, replacement = false, successFraction } = request
    const sampler = samplerOf(request.strategy ?? { _tag: "Uniform" })
    if (count > 0 && sampler.size() === 0) return Effect.fail(nothingToDraw(count))
    const targets = {
      ...(realFraction === undefined ? {} : { real: realFraction }),
      ...(successFraction === undefined ? {} : { success: successFraction }),
      ...(environments === undefined ? {} : { environments })
    }
    return sampler
      .draw({ count, key, replacement, beta: request.beta ?? 1, targets })
      .pipe(Effect.mapError(({ message }) => refused(message)))
  })

/** What is wrong with a request, in words. */
const faultOf = (request: ReplayBuffer.SampleRequest): string | undefined => {
  const { count, environments = {}, strategy } = request
  if (!Number.isInteger(count) || count < 0) {
    return `count is ${count}; a sample has a whole number of trajectories, 0 or more`
  }
  for (const field of ["realFraction", "successFraction", "beta"] as const) {
    const value = request[field] ?? 0
    if (!(value >= 0 && value <= 1)) return `${field} is ${value}; it must be in [0, 1]`
  }
  const negative = Object.entries(environments).find(([, share]) => !isWeight(share))
  if (negative !== undefined) {
    return `environments.${negative[0]} is ${negative[1]}; a share is a number, 0 or more`
  }
  if (strategy?._tag === "RankBased" && balancesOf(request).length > 0) {
    return `ranks cannot be balanced: leave out ${balancesOf(request).join(" and ")}, or draw by another strategy than RankBased`
  }
  return strategy === undefined ? undefined : strategyFault(strategy)
}

const isWeight = (value: number): boolean => Number.isFinite(value) && value >= 0

const balancesOf = (request: ReplayBuffer.SampleRequest): ReadonlyArray<string> =>
  (["realFraction", "successFraction", "environments"] as const).filter(
    (field) => request[field] !== undefined
  )

const strategyFault = (strategy: ReplayBuffer.Strategy): string | undefined => {
  const { _tag, ...parameters } = strategy
  const wrong = Object.entries(parameters).find(
    ([name, value]) => !isWeight(value) || (name === "halfLife" && value === 0)
  )
  return wrong === undefined
    ? undefined
    : `${_tag}.${wrong[0]} is ${wrong[1]}; it must be a number, ${wrong[0] === "halfLife" ? "more than 0" : "0 or more"}`
}

const refused = (what: string): Failed =>
  new ReplayBuffer.ReplayBufferError({
    reason: "BadRequest",
    message: `nothing was drawn: ${what}`
  })

const nothingToDraw = (count: number): Failed =>
  new ReplayBuffer.ReplayBufferError({
    reason: "NotEnough",
    message: `a sample of ${count} was asked of a buffer without a trajectory that may be drawn (failed and rejected ones may not); add some first`
  })
