/**
 * Draws that keep a balance: target shares of real and synthetic, of success and failure, and per environment.
 * Within each kind it draws by a strategy of `Chances`; the targets are the request's, so they may change from draw to draw.
 */
import { type ReplayBuffer, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Balance from "./Balance.ts"
import * as Chances from "./Chances.ts"
import * as Sampler from "./Sampler.ts"

export interface Kind {
  readonly isReal: boolean
  readonly isSuccess: boolean
  readonly environment: string
}

export interface Setting extends Sampler.Setting, Kind {}

/**
 * Fractions in [0, 1]; what is left out is not balanced. An environment that is not named in `environments` has no share: it
 * is drawn from only where the named ones have not enough. Environments are balanced within each of the other kinds.
 */
export interface Targets {
  readonly real?: number
  readonly success?: number
  readonly environments?: Readonly<Record<string, number>>
}

export interface Request extends Sampler.Request {
  readonly targets: Targets
}

/**
 * As `Sampler`, with a kind for each slot; the order of a draw says nothing of the kinds. `probability` is that of one draw
 * from the slot's own kind as the targets divide them, times the share that this kind had of the draw.
 */
export interface BalancedSampler {
  readonly size: () => number
  readonly set: (settings: ReadonlyArray<Setting>) => Effect.Effect<void, Sampler.SamplerError>
  readonly remove: (slots: ReadonlyArray<number>) => void
  readonly draw: (request: Request) => ReadonlyArray<Sampler.Drawn>
}

/** Weights must be comparable among kinds, which those by rank are not. */
export type Strategy = Exclude<ReplayBuffer.Strategy, { readonly _tag: "RankBased" }>

export const make = (strategy: Strategy): BalancedSampler => {
  const cells = new Map<string, Cell>()
  const cellOf = new Map<number, Cell>()
  const place = (setting: Setting): void => {
    const key = JSON.stringify([setting.isReal, setting.isSuccess, setting.environment])
    const cell = cells.get(key) ?? { ...kindOf(setting), chances: Chances.make(strategy) }
    cells.set(key, cell)
    const before = cellOf.get(setting.slot)
    if (before !== cell) before?.chances.remove(setting.slot)
    cellOf.set(setting.slot, cell)
    cell.chances.set(setting.slot, setting.value)
  }
  const remove = (slot: number): void => {
    cellOf.get(slot)?.chances.remove(slot)
    cellOf.delete(slot)
  }
  return {
    size: () => cellOf.size,
    set: Effect.fn("BalancedSampler.set")(function* (settings) {
      const fault = settings.map(Sampler.faultOf).find((wrong) => wrong !== undefined)
      if (fault !== undefined) return yield* fault
      settings.forEach(place)
    }),
    remove: (slots) => slots.forEach(remove),
    draw: (request) => draw(occupied(cells), request)
  }
}

interface Cell extends Kind {
  readonly chances: Chances.Chances
}

/** By name, and without what is empty now: which were there before is an accident of the run. */
const occupied = (cells: ReadonlyMap<string, Cell>): ReadonlyArray<Cell> =>
  [...cells]
    .filter(([, { chances }]) => chances.size() > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, cell]) => cell)

const kindOf = ({ environment, isReal, isSuccess }: Kind): Kind => ({
  environment,
  isReal,
  isSuccess
})

const sizeOf = (cells: ReadonlyArray<Cell>): number =>
  cells.reduce((sum, { chances }) => sum + chances.size(), 0)

const draw = (cells: ReadonlyArray<Cell>, request: Request): ReadonlyArray<Sampler.Drawn> => {
  const size = sizeOf(cells)
  const drawn: Array<Sampler.Weighed> = []
  for (let round = 0; size > 0 && drawn.length < request.count; round++) {
    const rest = request.count - drawn.length
    const count = request.replacement ? rest : Math.min(rest, size)
    const random = Seed.generator(Seed.key(request.key, "sample", round))
    const found = drawRound(random, cells, { ...request, count })
    if (found.length === 0) break
    for (const one of Seed.shuffle(random, found)) drawn.push(one)
  }
  return Sampler.withImportance(drawn, size, request.beta ?? 1)
}

/** Some cells, and how many are drawn from them together. */
interface Part {
  readonly cells: ReadonlyArray<Cell>
  readonly count: number
}

const drawRound = (
  random: () => number,
  cells: ReadonlyArray<Cell>,
  request: Request
): ReadonlyArray<Sampler.Weighed> =>
  byEnvironment(bySuccess(byReality(cells, request), request), request).flatMap((part) => {
    const sets = part.cells.map(({ chances }) => chances)
    const share = part.count / request.count
    return Sampler.slotsOf(random, sets, { ...request, count: part.count }).map(
      ({ probability, slot }) => ({ slot, probability: probability * share })
    )
  })

/** How many can be drawn: with replacement as many as one likes of what is there at all. */
const available = (cells: ReadonlyArray<Cell>, count: number, request: Request): number => {
  const size = sizeOf(cells)
  return request.replacement && size > 0 ? count : size
}

const byReality = (cells: ReadonlyArray<Cell>, request: Request): ReadonlyArray<Part> => {
  const { real } = request.targets
  if (real === undefined) return [{ cells, count: request.count }]
  const halves = halvesOf(cells, ({ isReal }) => isReal)
  const sizes = halves.map((half) => available(half, request.count, request))
  const counts = Balance.apportion(request.count, sizes, [real, 1 - real])
  return halves.map((half, i) => ({ cells: half, count: counts[i] ?? 0 }))
}

const halvesOf = (cells: ReadonlyArray<Cell>, isFirst: (cell: Cell) => boolean) => [
  cells.filter(isFirst),
  cells.filter((cell) => !isFirst(cell))
]

const bySuccess = (parts: ReadonlyArray<Part>, request: Request): ReadonlyArray<Part> => {
  const { success } = request.targets
  if (success === undefined) return parts
  const halves = parts.map((part) => halvesOf(part.cells, ({ isSuccess }) => isSuccess))
  const bounds = parts.map(({ count }, i) => {
    const [successes = 0, failures = 0] = (halves[i] ?? []).map((half) =>
      available(half, count, request)
    )
    return Balance.boundsOf(count, successes, failures)
  })
  const target = Math.round(request.count * success)
  const counts = parts.map(({ count }) => count)
  const successes = Balance.within(target, bounds, counts)
  return parts.flatMap(({ count }, i) => {
    const [first = [], second = []] = halves[i] ?? []
    const successful = successes[i] ?? 0
    return [
      { cells: first, count: successful },
      { cells: second, count: count - successful }
    ]
  })
}

const byEnvironment = (parts: ReadonlyArray<Part>, request: Request): ReadonlyArray<Part> => {
  const { environments } = request.targets
  if (environments === undefined) return parts
  const shares = new Map(Object.entries(environments))
  return parts.flatMap(({ cells, count }) => {
    const groups = [...Map.groupBy(cells, ({ environment }) => environment)]
    const counts = Balance.apportion(
      count,
      groups.map(([, group]) => available(group, count, request)),
      groups.map(([name]) => shares.get(name) ?? 0)
    )
    return groups.map(([, group], i) => ({ cells: group, count: counts[i] ?? 0 }))
  })
}
