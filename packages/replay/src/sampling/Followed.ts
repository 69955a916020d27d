/**
 * The sampler of one strategy, kept in step with what a buffer keeps: O(log n) for each change and each draw.
 * It reads no trajectory; what it cannot follow it says, and is made anew from the entries.
 *
 * Slots are given in the order of `seq`. By priority or alike, what is drawn does not depend on where the holes are (`Quantum`); ranks
 * have none. By youth it would, so there an eviction makes the numbering begin anew: O(n) at the next draw.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Change, Entry } from "../Kept.ts"
import * as BalancedSampler from "./BalancedSampler.ts"
import * as Sampler from "./Sampler.ts"

/** An entry with its chance and weight, as `Sampler.Drawn`. */
export interface Drawn {
  readonly entry: Entry
  readonly probability: number
  readonly importance: number
}

/** `apply` takes what can be drawn alone, and answers whether it could follow. */
export interface Followed {
  readonly size: () => number
  readonly apply: (change: Change) => boolean
  readonly draw: (
    request: BalancedSampler.Request
  ) => Effect.Effect<ReadonlyArray<Drawn>, Sampler.SamplerError>
}

/** What is known of an entry's priority now. */
export type PriorityOf = (entry: Entry) => number

interface State {
  readonly strategy: ReplayBuffer.Strategy
  readonly priorityOf: PriorityOf
  readonly entries: Array<Entry | undefined>
  readonly slots: Map<number, number>
  /** Slots whose setting the sampler has not seen. */
  readonly waiting: Set<number>
  readonly sampler: BalancedSampler.BalancedSampler
}

/** `entries` in the order of `seq`. */
export const make = (
  strategy: ReplayBuffer.Strategy,
  entries: ReadonlyArray<Entry>,
  priorityOf: PriorityOf
): Followed => {
  const state: State = {
    strategy,
    priorityOf,
    entries: [],
    slots: new Map(),
    waiting: new Set(),
    sampler: samplerOf(strategy)
  }
  for (const entry of entries) append(state, entry)
  return {
    size: () => state.slots.size,
    apply: (change) => apply(state, change),
    draw: (request) =>
      Effect.map(settle(state), () =>
        state.sampler.draw(request).flatMap(({ slot, ...chance }) => {
          const entry = state.entries[slot]
          return entry === undefined ? [] : [{ entry, ...chance }]
        })
      )
  }
}

/** Ranks know no kinds; a request for them has no targets. */
const samplerOf = (strategy: ReplayBuffer.Strategy): BalancedSampler.BalancedSampler =>
  strategy._tag === "RankBased" ? Sampler.make(strategy) : BalancedSampler.make(strategy)

const append = ({ entries, slots, waiting }: State, entry: Entry): void => {
  const slot = entries.push(entry) - 1
  slots.set(entry.seq, slot)
  waiting.add(slot)
}

const apply = (state: State, { evicted, inserted, prioritised = [] }: Change): boolean => {
  if (inserted !== undefined) {
    const last = state.entries.at(-1)
    if (last !== undefined && inserted.seq <= last.seq) return false
    append(state, inserted)
  }
  for (const { seq } of evicted) remove(state, seq)
  for (const { seq } of prioritised) {
    const slot = state.slots.get(seq)
    if (slot !== undefined) state.waiting.add(slot)
  }
  return follows(state)
}

const remove = ({ entries, sampler, slots, waiting }: State, seq: number): void => {
  const slot = slots.get(seq)
  if (slot === undefined) return
  slots.delete(seq)
  waiting.delete(slot)
  // The last is left for its number: what comes next is compared with it.
  if (slot < entries.length - 1) entries[slot] = undefined
  sampler.remove([slot])
}

const follows = ({ entries, slots, strategy }: State): boolean => {
  const holes = entries.length - slots.size
  return strategy._tag === "Recency" ? holes === 0 : holes <= 64 + slots.size
}

const settle = (state: State): Effect.Effect<void, Sampler.SamplerError> =>
  Effect.suspend(() => {
    const settings = [...state.waiting].flatMap((slot) => {
      const entry = state.entries[slot]
      return entry === undefined ? [] : [settingOf(state, entry, slot)]
    })
    return Effect.map(state.sampler.set(settings), () => state.waiting.clear())
  })

const settingOf = (
  { priorityOf, strategy }: State,
  entry: Entry,
  slot: number
): BalancedSampler.Setting => ({
  slot,
  value: strategy._tag === "Recency" ? slot : priorityOf(entry),
  isReal: entry.isReal,
  isSuccess: entry.isSuccess,
  environment: entry.environment
})
