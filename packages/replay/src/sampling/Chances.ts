/**
 * How likely each slot is to be drawn, by strategy: all alike, by priority, by the rank of the priority, or by youth.
 * It draws nothing itself: a point in [0, 1) stands for chance.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Quantum from "./Quantum.ts"
import * as Ranking from "./Ranking.ts"
import * as SumTree from "./SumTree.ts"

/**
 * A slot is drawn with `weight(slot) / total()`. A hidden one weighs 0 until it is restored; hide only what weighs something,
 * and change nothing else between the two.
 */
export interface Chances {
  readonly size: () => number
  readonly total: () => number
  readonly weight: (slot: number) => number
  readonly set: (slot: number, value: number) => void
  readonly remove: (slot: number) => void
  /** -1 where nothing has weight. */
  readonly find: (point: number) => number
  readonly hide: (slot: number) => void
  readonly restore: () => void
}

/**
 * What the value of a slot means: nothing (`Uniform`), a priority (`Proportional`, `RankBased`), or when it came, as a growing
 * number (`Recency`).
 */
export const make = (strategy: ReplayBuffer.Strategy): Chances => {
  const { _tag } = strategy
  if (_tag === "RankBased") return byRank(strategy.alpha)
  if (_tag === "Recency") return byRecency(strategy.halfLife)
  if (_tag === "Uniform") return weighed(SumTree.make(0, "ZeroOrOne"), () => 1)
  const { alpha, epsilon } = strategy
  return byPriority((priority) => (Math.abs(priority) + epsilon) ** alpha)
}

/** What is held can be drawn, however small its weight; and its importance is still a number. */
const leastWeight = 2 ** -500

const weighed = (tree: SumTree.SumTree, weightOf: (value: number) => number): Chances => {
  const hidden = new Map<number, number>()
  return {
    size: () => tree.count() + hidden.size,
    total: tree.total,
    weight: tree.weight,
    set: (slot, value) => tree.update(slot, Math.max(leastWeight, weightOf(value))),
    remove: (slot) => tree.update(slot, 0),
    find: tree.find,
    hide: (slot) => {
      hidden.set(slot, tree.weight(slot))
      tree.update(slot, 0)
    },
    restore: () => {
      hidden.forEach((weight, slot) => tree.update(slot, weight))
      hidden.clear()
    }
  }
}

/**
 * Weights are whole multiples of one quantum, so that sums are exact: a draw depends on what is held alone, not on the slots nor
 * on what was there before.
 */
const byPriority = (weightOf: (priority: number) => number): Chances => {
  const weights = new Map<number, number>()
  const greatest = Quantum.make()
  let quantum = greatest.quantum()
  const rounded = (weight: number) => Math.max(1, Math.round(weight / quantum)) * quantum
  const chances = weighed(SumTree.make(), rounded)
  const settle = (): void => {
    if (quantum === greatest.quantum()) return
    quantum = greatest.quantum()
    weights.forEach((weight, slot) => chances.set(slot, weight))
  }
  const remove = (slot: number): void => {
    const weight = weights.get(slot)
    if (weight === undefined) return
    weights.delete(slot)
    greatest.remove(weight)
    chances.remove(slot)
  }
  return {
    ...chances,
    remove,
    set: (slot, value) => {
      remove(slot)
      const weight = Quantum.bounded(weightOf(value))
      weights.set(slot, weight)
      greatest.add(weight)
      chances.set(slot, weight)
    },
    total: () => {
      settle()
      return chances.total()
    },
    weight: (slot) => {
      settle()
      return chances.weight(slot)
    },
    find: (point) => {
      settle()
      return chances.find(point)
    }
  }
}

/** Weights count from an origin that moves along, because 2^age would soon leave the numbers. */
const byRecency = (halfLife: number): Chances => {
  const values = new Map<number, number>()
  const tree = SumTree.make()
  const step = mostHalvings * halfLife
  let origin: number | undefined
  const weightOf = (value: number) => 2 ** ((value - (origin ?? 0)) / halfLife)
  const chances = weighed(tree, weightOf)
  return {
    ...chances,
    set: (slot, value) => {
      values.set(slot, value)
      origin ??= Math.floor(value / step) * step
      if (value - origin > step) {
        origin = Math.floor(value / step) * step
        values.forEach((other, held) => chances.set(held, other))
      } else chances.set(slot, value)
    },
    remove: (slot) => {
      values.delete(slot)
      chances.remove(slot)
    }
  }
}

const mostHalvings = 400

const byRank = (alpha: number): Chances => {
  const ranking = Ranking.make()
  // Weights belong to ranks, not to slots: rank 0 weighs 1, the next 2^-alpha, and so on.
  const ranks = SumTree.make()
  const hidden: Array<number> = []
  const weightAt = (rank: number) => Math.max(leastWeight, (rank + 1) ** -alpha)
  const resize = (): void => {
    const size = ranking.size()
    if (size > ranks.count()) ranks.update(size - 1, weightAt(size - 1))
    else if (size < ranks.count()) ranks.update(size, 0)
  }
  return {
    size: ranking.size,
    total: ranks.total,
    weight: (slot) => (ranking.has(slot) ? ranks.weight(ranking.rankOf(slot)) : 0),
    set: (slot, value) => {
      ranking.set(slot, Math.abs(value))
      resize()
    },
    remove: (slot) => {
      ranking.remove(slot)
      resize()
    },
    find: (point) => ranking.at(ranks.find(point)),
    hide: (slot) => {
      const rank = ranking.rankOf(slot)
      hidden.push(rank)
      ranks.update(rank, 0)
    },
    restore: () => {
      for (const rank of hidden.splice(0)) ranks.update(rank, weightAt(rank))
    }
  }
}
