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

/** One epoch: every row once, shuffled within its shape, batches shuffled among each other. */
export const epoch = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number,
  key: Seed.Key
): ReadonlyArray<Batch<R>> => {
  const random = Seed.generator(key)
  const shapes = new Map<string, Array<R>>()
  for (const entry of Seed.shuffle(random, rows)) {
    const { prompt, read } = sizesOf([entry], batch)
    const shape = `${prompt} ${read}`
    const found = shapes.get(shape)
    if (found === undefined) shapes.set(shape, [entry])
    else found.push(entry)
  }
  const batches = [...shapes.values()].flatMap((list) =>
    Array.from({ length: Math.ceil(list.length / batch) }, (_, i) => {
      const part = list.slice(i * batch, (i + 1) * batch)
      return { sizes: sizesOf(part, batch), rows: part }
    })
  )
  return Seed.shuffle(random, batches)
}
