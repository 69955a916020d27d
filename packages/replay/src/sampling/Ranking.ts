/**
 * Slots in the order of a number each: who is at which rank, and which rank has whom, in O(log n).
 * It draws nothing. Of equal numbers the smaller slot comes first.
 *
 * A treap (Seidel and Aragon 1996) whose heap order is a hash of the slot, so that its shape depends on what it holds alone.
 */

/** Ranks count from 0, the greatest value first. */
export interface Ranking {
  readonly size: () => number
  readonly set: (slot: number, value: number) => void
  readonly remove: (slot: number) => void
  readonly has: (slot: number) => boolean
  /** -1 beyond the last rank. */
  readonly at: (rank: number) => number
  /** Of a slot that it has. */
  readonly rankOf: (slot: number) => number
}

/** Node i is slot i; 0 in `size` means that it is not there, -1 in `left` and `right` that there is none. */
interface Tree {
  values: Float64Array
  left: Int32Array
  right: Int32Array
  size: Int32Array
  root: number
}

const none = -1

export const make = (): Ranking => {
  const tree: Tree = {
    values: new Float64Array(0),
    left: new Int32Array(0),
    right: new Int32Array(0),
    size: new Int32Array(0),
    root: none
  }
  const has = (slot: number) => sizeOf(tree, slot) > 0
  const remove = (slot: number): void => {
    if (has(slot)) tree.root = without(tree, tree.root, slot)
    if (slot < tree.size.length) tree.size[slot] = 0
  }
  return {
    size: () => sizeOf(tree, tree.root),
    has,
    remove,
    set: (slot, value) => {
      remove(slot)
      if (slot >= tree.size.length) grow(tree, slot + 1)
      tree.values[slot] = value
      tree.left[slot] = none
      tree.right[slot] = none
      tree.size[slot] = 1
      tree.root = withNode(tree, tree.root, slot)
    },
    at: (rank) => at(tree, rank),
    rankOf: (slot) => rankOf(tree, slot)
  }
}

const grow = (tree: Tree, length: number): void => {
  const wide = Math.max(64, length, tree.size.length * 2)
  const values = new Float64Array(wide)
  values.set(tree.values)
  tree.values = values
  tree.left = widened(tree.left, wide)
  tree.right = widened(tree.right, wide)
  tree.size = widened(tree.size, wide)
}

const widened = (numbers: Int32Array, length: number): Int32Array => {
  const wider = new Int32Array(length)
  wider.set(numbers)
  return wider
}

const leftOf = (tree: Tree, node: number): number => tree.left[node] ?? none
const rightOf = (tree: Tree, node: number): number => tree.right[node] ?? none
const sizeOf = (tree: Tree, node: number): number => tree.size[node] ?? 0

const isBefore = (tree: Tree, a: number, b: number): boolean => {
  const [valueA, valueB] = [tree.values[a] ?? 0, tree.values[b] ?? 0]
  return valueA === valueB ? a < b : valueA > valueB
}

/** The heap order: murmur3's finalizer of the slot, which is a permutation, so that there are no ties. */
const height = (slot: number): number => {
  let h = slot
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const link = (tree: Tree, node: number, left: number, right: number): number => {
  tree.left[node] = left
  tree.right[node] = right
  tree.size[node] = 1 + sizeOf(tree, left) + sizeOf(tree, right)
  return node
}

const withNode = (tree: Tree, root: number, node: number): number => {
  if (root === none) return node
  const [left, right] = [leftOf(tree, root), rightOf(tree, root)]
  if (height(node) > height(root)) {
    const [before, after] = split(tree, root, node)
    return link(tree, node, before, after)
  }
  return isBefore(tree, node, root)
    ? link(tree, root, withNode(tree, left, node), right)
    : link(tree, root, left, withNode(tree, right, node))
}

/** What comes before `node`, and what after. */
const split = (tree: Tree, root: number, node: number): readonly [number, number] => {
  if (root === none) return [none, none]
  if (isBefore(tree, root, node)) {
    const [before, after] = split(tree, rightOf(tree, root), node)
    return [link(tree, root, leftOf(tree, root), before), after]
  }
  const [before, after] = split(tree, leftOf(tree, root), node)
  return [before, link(tree, root, after, rightOf(tree, root))]
}

const without = (tree: Tree, root: number, node: number): number => {
  const [left, right] = [leftOf(tree, root), rightOf(tree, root)]
  if (root === node) return joined(tree, left, right)
  return isBefore(tree, node, root)
    ? link(tree, root, without(tree, left, node), right)
    : link(tree, root, left, without(tree, right, node))
}

const joined = (tree: Tree, before: number, after: number): number => {
  if (before === none) return after
  if (after === none) return before
  return height(before) > height(after)
    ? link(tree, before, leftOf(tree, before), joined(tree, rightOf(tree, before), after))
    : link(tree, after, joined(tree, before, leftOf(tree, after)), rightOf(tree, after))
}

const at = (tree: Tree, rank: number): number => {
  let node = tree.root
  let rest = rank
  while (node !== none) {
    const before = sizeOf(tree, leftOf(tree, node))
    if (rest === before) return node
    node = rest < before ? leftOf(tree, node) : rightOf(tree, node)
    if (rest > before) rest -= before + 1
  }
  return none
}

const rankOf = (tree: Tree, slot: number): number => {
  let node = tree.root
  let rank = 0
  while (node !== slot && node !== none) {
    const isLeft = isBefore(tree, slot, node)
    if (!isLeft) rank += sizeOf(tree, leftOf(tree, node)) + 1
    node = isLeft ? leftOf(tree, node) : rightOf(tree, node)
  }
  return rank + sizeOf(tree, leftOf(tree, slot))
}
