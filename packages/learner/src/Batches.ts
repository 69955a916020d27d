/**
 * Rows in batches of like length, in a keyed order: few shapes, little padding.
 */
import { Seed } from "@dreamgym/domain"
import { Rows } from "@dreamgym/language"

/**
 * Rows that share the shape [batch, prompt] and [batch, read]; the last batch of a shape may hold
 * fewer rows than `batch`.
 */
export interface Batch<R> {
  readonly sizes: { readonly batch: number; readonly prompt: number; readonly read: number }
  readonly rows: ReadonlyArray<R>
}

/**
 * Every shape is a session, which costs a tenth of a second and tens of megabytes: a little padding
 * is cheaper.
 */
const promptStep = 16
const readStep = 8

/** The smallest shape that holds these rows; actions of a few tokens are read exactly. */
export const sizesOf = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number
): Batch<R>["sizes"] => {
  const prompt = Math.max(...rows.map(({ row }) => row.promptIds.length))
  const read = Math.max(...rows.map(({ row }) => row.targetIds.length))
  return {
    batch,
    prompt: Rows.bucket(prompt, promptStep),
    read: Rows.bucket(read, read <= readStep / 2 ? 1 : readStep)
  }
}

/**
 * One epoch in full batches of rows of like length. A last rest of less than `batch` rows, drawn
 * anew each time, is left for the next epoch (a small batch would weigh its rows more than others),
 * unless there is nothing else.
 */
export const epoch = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number,
  key: Seed.Key
): ReadonlyArray<Batch<R>> => {
  const random = Seed.generator(key)
  const shuffled = Seed.shuffle(random, rows)
  const count = Math.max(Math.min(batch, rows.length), rows.length - (rows.length % batch))
  return Seed.shuffle(random, inOrder(shuffled.slice(0, count), batch))
}

/** All rows once, those of like length together; the last batch may hold fewer than `batch`. */
export const inOrder = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>,
  batch: number
): ReadonlyArray<Batch<R>> => {
  const sorted = rows
    .map((entry) => ({ entry, sizes: sizesOf([entry], batch) }))
    .toSorted((a, b) => a.sizes.prompt - b.sizes.prompt || turning(a.sizes) - turning(b.sizes))
    .map(({ entry }) => entry)
  return Array.from({ length: Math.ceil(sorted.length / batch) }, (_, i) => {
    const part = sorted.slice(i * batch, (i + 1) * batch)
    return { sizes: sizesOf(part, batch), rows: part }
  })
}

/**
 * Short reads first, then long ones first, by turns: so that a batch across two prompt lengths has
 * reads of like length.
 */
const turning = ({ prompt, read }: Batch<unknown>["sizes"]): number =>
  (prompt / promptStep) % 2 === 0 ? read : -read

/**
 * Rows of a batch in two parts, short rows and long ones, that cost about the same; few rows stay
 * one part.
 */
export const inParts = <R extends { readonly row: Rows.Row }>(
  rows: ReadonlyArray<R>
): ReadonlyArray<Batch<R>> => {
  const rowStep = rows.length < leastRows ? 8 : leastRows
  const partOf = (part: ReadonlyArray<R>): Batch<R> => ({
    sizes: sizesOf(part, Rows.bucket(part.length, rowStep)),
    rows: part
  })
  const sorted = rows.toSorted((a, b) => lengthOf(a) - lengthOf(b))
  const cuts = Array.from({ length: Math.ceil(rows.length / leastRows) - 1 }, (_, i) => {
    const cut = (i + 1) * leastRows
    const parts = [sorted.slice(0, cut), sorted.slice(cut)].map(partOf)
    return { parts, cost: Math.max(...parts.map(costOf)) }
  })
  const [best] = cuts.toSorted((a, b) => a.cost - b.cost)
  return best?.parts ?? [partOf(sorted)]
}

/** Fewer rows are not worth a part of their own. */
const leastRows = 32

const lengthOf = ({ row }: { readonly row: Rows.Row }): number =>
  row.promptIds.length + row.targetIds.length

const costOf = ({ sizes }: Batch<unknown>): number => sizes.batch * (sizes.prompt + sizes.read)
