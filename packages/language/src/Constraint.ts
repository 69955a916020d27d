/**
 * Admissible decoding: the tree of token sequences that a completion may be.
 * It says what may come next, never how likely it is.
 */

/** A place in the tree. `next` is empty at the end of a sequence. */
export interface Constraint {
  readonly next: ReadonlyMap<number, Constraint>
}

/**
 * The tree of `sequences`. Where one sequence is the beginning of another, `endId` marks its end,
 * so that both can be chosen.
 */
export const fromSequences = (
  sequences: Iterable<ReadonlyArray<number>>,
  endId: number
): Constraint => {
  const root = branch()
  for (const sequence of sequences) {
    let at = root
    for (const id of sequence) {
      const next = at.next.get(id) ?? branch()
      at.next.set(id, next)
      at = next
    }
    at.isEnd = true
  }
  markInnerEnds(root, endId)
  return root
}

/**
 * The only way on, to the end: the tokens that need no choice. Undefined where there is a choice on
 * the way.
 */
export const forcedTail = (constraint: Constraint): ReadonlyArray<number> | undefined => {
  const tail: Array<number> = []
  let at = constraint
  while (at.next.size > 0) {
    const [only, ...others] = at.next
    if (only === undefined || others.length > 0) return undefined
    tail.push(only[0])
    at = only[1]
  }
  return tail
}

interface Branch extends Constraint {
  readonly next: Map<number, Branch>
  isEnd: boolean
}

const branch = (): Branch => ({ next: new Map(), isEnd: false })

const markInnerEnds = (at: Branch, endId: number): void => {
  for (const next of at.next.values()) markInnerEnds(next, endId)
  if (at.isEnd && at.next.size > 0) at.next.set(endId, branch())
}
