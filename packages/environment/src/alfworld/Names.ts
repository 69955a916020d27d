/**
 * Display names of entities, "drawer 3" for an id with coordinates in it.
 * They are text for players; the engine keeps to ids.
 */
import { Seed } from "@dreamgym/domain"

/**
 * Names by id, for ids already lower-case. Within a class the ids in code point order are numbered downwards to 1, as
 * ALFWorld does; an id without coordinates is its own name, with a trailing blank. `numbering` is a key by which the
 * ids are shuffled before they are numbered: the same things under other numbers.
 */
export const display = (
  ids: Iterable<string>,
  numbering?: Seed.Key
): ReadonlyMap<string, string> => {
  const sorted = [...ids].toSorted()
  const remaining = new Map<string, number>()
  for (const id of sorted) remaining.set(classOf(id), (remaining.get(classOf(id)) ?? 0) + 1)
  const order = numbering === undefined ? sorted : Seed.shuffle(Seed.generator(numbering), sorted)
  const names = new Map<string, string>()
  for (const id of order) {
    const kind = classOf(id)
    const number = remaining.get(kind) ?? 0
    remaining.set(kind, number - 1)
    names.set(id, id.includes(separator) ? `${kind} ${number}` : `${id} `)
  }
  return names
}

/** Whether it is an id with coordinates, which only a file would say; a kind like `mug` is a word of players too. */
export const isId = (word: string): boolean => word.includes(separator)

const separator = "_bar_"

/** What kind of thing an id denotes: `sink_bar_..._bar_sinkbasin` is a `sinkbasin`. */
export const classOf = (id: string): string => {
  const [head = id] = id.split(separator)
  return id.includes("basin") ? `${head}basin` : head
}
