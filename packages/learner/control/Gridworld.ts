/**
 * The 4 x 3 world of Russell & Norvig (Artificial Intelligence: A Modern Approach, 17.1): a step
 * may slip sideways, each costs 0.04, one corner is worth 1 and the cell below it -1. Small enough
 * that every policy's value is known exactly.
 */
import type { ControlTask } from "./ControlTask.ts"

/** A free cell by number, from the lower left: column + 4 * row. */
export type Cell = number

const columns = 4
const rows = 3
const wall: Cell = 5
const ends: ReadonlyMap<Cell, number> = new Map([
  [11, 1],
  [7, -1]
])
const cost = -0.04

/** Up, right, down, left as (column, row). */
const moves = [
  [0, 1],
  [1, 0],
  [0, -1],
  [-1, 0]
] as const

/** The start: the lower left cell. */
export const start: Cell = 0

/** The cells in which one acts. */
export const cells: ReadonlyArray<Cell> = Array.from(
  { length: columns * rows },
  (_, cell) => cell
).filter((cell) => cell !== wall && !ends.has(cell))

/** What an action may bring, with its probability. */
export interface Chance {
  readonly probability: number
  readonly cell: Cell
  readonly reward: number
  readonly isOver: boolean
}

/** With 0.8 as meant, with 0.1 each to the side; against a wall or the rim one stays. */
export const chances = (cell: Cell, action: number): ReadonlyArray<Chance> =>
  [
    [0.8, action],
    [0.1, (action + 1) % 4],
    [0.1, (action + 3) % 4]
  ].map(([probability = 0, way = 0]) => {
    const next = moved(cell, way)
    const end = ends.get(next)
    return { probability, cell: next, reward: cost + (end ?? 0), isOver: end !== undefined }
  })

const moved = (cell: Cell, way: number): Cell => {
  const [right, up] = moves[way] ?? [0, 0]
  const column = (cell % columns) + right
  const row = Math.floor(cell / columns) + up
  const next = column + columns * row
  const isInside = column >= 0 && column < columns && row >= 0 && row < rows
  return isInside && next !== wall ? next : cell
}

/**
 * The expected return of a policy from every cell, by repeated sweeps until nothing moves:
 * `policy(cell)` are the probabilities of the four actions. `limit` sweeps at most, which is the
 * value within so many steps.
 */
export const valueOf = (
  policy: (cell: Cell) => ReadonlyArray<number>,
  limit = 10_000
): ReadonlyMap<Cell, number> => {
  let values = new Map<Cell, number>()
  for (let sweep = 0; sweep < limit; sweep++) {
    const next = new Map(
      cells.map((cell) => {
        const worth = policy(cell).map((share, action) => share * worthOf(values, cell, action))
        return [cell, worth.reduce((sum, one) => sum + one, 0)] as const
      })
    )
    const apart = cells.map((cell) => Math.abs((next.get(cell) ?? 0) - (values.get(cell) ?? 0)))
    values = next
    if (Math.max(...apart) < 1e-12) break
  }
  return values
}

/** The expected reward of an action, and of what follows by `values`. */
export const worthOf = (values: ReadonlyMap<Cell, number>, cell: Cell, action: number): number =>
  chances(cell, action).reduce(
    (sum, { cell: next, isOver, probability, reward }) =>
      sum + probability * (reward + (isOver ? 0 : (values.get(next) ?? 0))),
    0
  )

/** One cell is one of twelve numbers. */
export const gridworld: ControlTask<Cell> = {
  name: "4 x 3 world",
  observationSize: columns * rows,
  actions: moves.length,
  stepLimit: 100,
  start: () => start,
  step: (cell, action, random) => {
    const drawn = random()
    const [meant, first, second] = chances(cell, action)
    const chance = drawn < 0.8 ? meant : drawn < 0.9 ? first : second
    return chance === undefined
      ? { state: cell, reward: cost, isOver: false }
      : { state: chance.cell, reward: chance.reward, isOver: chance.isOver }
  },
  observe: (cell) => Array.from({ length: columns * rows }, (_, i) => (i === cell ? 1 : 0))
}
