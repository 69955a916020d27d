/**
 * Rows in batches of like length, in a keyed order: few shapes, little padding.
 */
import { Seed } from "@dreamgym/domain"
import { Rows } from "@dreamgym/language"

/** Rows that share the shape [batch, prompt] and [batch, read]; the last batch of a shape may hold fewer rows than `batch`. */
export interface Batch<R> {
  readonly sizes: { readonly batch: number; readonly prompt: number; readonly read: number }
  readonly rows: ReadonlyArray<R>
}

const promptStep = 8
const readStep = 8

/** The smallest shape that holds these rows. */
export const sizesOf = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number,
  step = readStep
): Batch<R>["sizes"] => ({
  batch,
  prompt: Rows.bucket(Math.max(...rows.map(({ row }) => row.promptIds.length)), promptStep),
  read: Rows.bucket(Math.max(...rows.map(({ row }) => row.targetIds.length)), step)
})

/**
 * One epoch in full batches: rows of one shape together, what is left of each shape mixed. A last rest of less than `batch` rows
 * is left for the next epoch (a small batch would weigh its rows more than others), unless there is nothing else.
 */
export const epoch = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number,
  key: Seed.Key
): ReadonlyArray<Batch<R>> => {
  const random = Seed.generator(key)
  const shapes = Map.groupBy(Seed.shuffle(random, rows), (entry) => {
    const { prompt, read } = sizesOf([entry], batch)
    return `${prompt} ${read}`
  })
  const full = [...shapes.values()].map((list) =>
    list.slice(0, list.length - (list.length % batch))
  )
  const rest = [...shapes.values()].flatMap((list) =>
    list.slice(list.length - (list.length % batch))
  )
  const mixed = Seed.shuffle(random, rest)
  const parts = [...full, mixed].flatMap((list) => inBatches(list, batch))
  const kept = parts.filter((part) => part.length === batch)
  return Seed.shuffle(random, kept.length > 0 ? kept : parts).map((part) => ({
    sizes: sizesOf(part, batch),
    rows: part
  }))
}

const inBatches = <R>(list: ReadonlyArray<R>, batch: number): ReadonlyArray<ReadonlyArray<R>> =>
  Array.from({ length: Math.ceil(list.length / batch) }, (_, i) =>
    list.slice(i * batch, (i + 1) * batch)
  )
