/**
 * Which entries carry the id of a trajectory: several may, because ids are the caller's and only contents are kept once.
 * It is made when an id is first asked for, and follows the changes from then on.
 */
import type { Change, Entry } from "./Kept.ts"

/** `seqs` answers the numbers of the entries that are kept under `id`; `entries` is all that is kept. */
export interface ById {
  readonly apply: (change: Change) => void
  readonly seqs: (id: string, entries: () => ReadonlyArray<Entry>) => ReadonlyArray<number>
}

export const make = (): ById => {
  let known: Map<string, Set<number>> | undefined
  return {
    apply: ({ evicted, inserted }) => {
      if (known === undefined) return
      if (inserted !== undefined) put(known, inserted)
      for (const entry of evicted) remove(known, entry)
    },
    seqs: (id, entries) => {
      known ??= indexOf(entries())
      return [...(known.get(id) ?? [])]
    }
  }
}

const indexOf = (entries: ReadonlyArray<Entry>): Map<string, Set<number>> => {
  const known = new Map<string, Set<number>>()
  for (const entry of entries) put(known, entry)
  return known
}

const put = (known: Map<string, Set<number>>, { id, seq }: Entry): void => {
  known.set(id, (known.get(id) ?? new Set<number>()).add(seq))
}

const remove = (known: Map<string, Set<number>>, { id, seq }: Entry): void => {
  const seqs = known.get(id)
  seqs?.delete(seq)
  if (seqs?.size === 0) known.delete(id)
}
