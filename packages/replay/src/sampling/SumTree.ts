/**
 * Weights by slot, and draws in proportion to them: changing one weight and drawing one slot both cost O(log n).
 * It has no randomness of its own.
 *
 * Each node holds the sum of its eight children, computed anew at every change, so that no error piles up. Eight numbers are
 * one line of the cache: a draw from ten million slots waits for memory eight times, not twenty-four.
 */

/** A slot is an integer from 0; slots that were never set weigh 0. Weights are finite and not negative. */
export interface SumTree {
  readonly total: () => number
  /** How many slots weigh more than 0. */
  readonly count: () => number
  readonly weight: (slot: number) => number
  readonly update: (slot: number, weight: number) => void
  /** The slot whose share holds `point`, from [0, 1); never one of weight 0. -1 where all weigh 0. */
  readonly find: (point: number) => number
}

const fan = 8

/** What weights may be: any, or 0 and 1 only, which take an eighth of the memory and stay in the cache for longer. */
export type Leaves = "Any" | "ZeroOrOne"

type Level = Float64Array | Uint8Array

/** Level 0 are the weights, the last level is one node of `fan` children whose sum is the total. */
interface Tree {
  readonly leaves: Leaves
  levels: ReadonlyArray<Level>
  total: number
  count: number
}

export const make = (capacity: number = fan, leaves: Leaves = "Any"): SumTree => {
  const tree: Tree = { leaves, levels: levelsOf(capacity, leaves), total: 0, count: 0 }
  return {
    total: () => tree.total,
    count: () => tree.count,
    weight: (slot) => tree.levels[0]?.[slot] ?? 0,
    update: (slot, weight) => update(tree, slot, weight),
    find: (point) => find(tree, point)
  }
}

const levelsOf = (capacity: number, leaves: Leaves): ReadonlyArray<Level> => {
  let nodes = Math.ceil(Math.max(1, capacity) / fan)
  const levels = [levelOf(leaves, 0, nodes)]
  while (nodes > 1) {
    nodes = Math.ceil(nodes / fan)
    levels.push(levelOf(leaves, levels.length, nodes))
  }
  return levels
}

/** Counts of up to 8 x 8 fit in a byte. */
const levelOf = (leaves: Leaves, height: number, nodes: number): Level =>
  leaves === "ZeroOrOne" && height <= 2
    ? new Uint8Array(nodes * fan)
    : new Float64Array(nodes * fan)

const update = (tree: Tree, slot: number, weight: number): void => {
  if (slot >= (tree.levels[0]?.length ?? 0)) {
    if (weight === 0) return
    grow(tree, slot + 1)
  }
  tree.count += Number(weight > 0) - Number((tree.levels[0]?.[slot] ?? 0) > 0)
  let at = slot
  let sum = weight
  for (const level of tree.levels) {
    level[at] = sum
    at = Math.floor(at / fan)
    sum = sumOf(level, at)
  }
  tree.total = sum
}

/** The sum of the children of node `at`. */
const sumOf = (level: Level, at: number): number => {
  let sum = 0
  for (let i = at * fan; i < (at + 1) * fan; i++) sum += level[i] ?? 0
  return sum
}

/** Doubled at least, so that growing costs little per slot. */
const grow = (tree: Tree, capacity: number): void => {
  const before = tree.levels[0] ?? new Float64Array(0)
  tree.levels = levelsOf(Math.max(capacity, before.length * 2), tree.leaves)
  tree.levels[0]?.set(before)
  tree.levels.forEach((level, i) => {
    const above = tree.levels[i + 1]
    if (above === undefined) return
    for (let at = 0; at < level.length / fan; at++) above[at] = sumOf(level, at)
  })
}

const find = (tree: Tree, point: number): number => {
  if (tree.total <= 0) return -1
  let rest = point * tree.total
  let at = 0
  for (let height = tree.levels.length - 1; height >= 0; height--) {
    const level = tree.levels[height]
    if (level === undefined) return -1
    const end = (at + 1) * fan
    let chosen = -1
    let isInside = false
    for (let child = at * fan; child < end; child++) {
      const weight = level[child] ?? 0
      if (weight <= 0) continue
      chosen = child
      isInside = rest < weight
      if (isInside) break
      rest -= weight
    }
    // Where rounding leaves `rest` beyond the last share, the last share is the one, down to the leaves.
    if (!isInside) rest = Number.POSITIVE_INFINITY
    at = chosen
  }
  return at
}
