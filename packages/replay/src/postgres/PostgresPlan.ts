/**
 * Who comes and who goes when trajectories are added: the rules of `Quotas`, followed for many at once before anything is written.
 * Pure; it knows neither SQL nor what a trajectory says.
 */
import {
  type Kind,
  type Quotas,
  room,
  type Shelf,
  shelfOf,
  shelves,
  takesThePlaceOf
} from "../Quotas.ts"

/** A trajectory that is kept, or about to be. */
export interface Standing extends Kind {
  readonly seq: number
  readonly fingerprint: string
  readonly quality: number
}

export type Counts = Readonly<Record<Shelf, number>>

/** `twins` are kept with a content that comes; `worst` are the next to go, in any order: at least as many as `candidates` says. */
export interface Known {
  readonly quotas: Quotas
  readonly counts: Counts
  readonly twins: ReadonlyArray<Standing>
  readonly worst: ReadonlyArray<Standing>
}

/** Of one that came: whether it was new, and who went for it, itself perhaps. */
export interface Placed {
  readonly isNew: boolean
  readonly evicted: ReadonlyArray<number>
}

/** `kept` are those of `coming` that stay, `evicted` and `replaced` those that were there before and go. */
export interface Plan {
  readonly placed: ReadonlyArray<Placed>
  readonly kept: ReadonlySet<number>
  readonly evicted: ReadonlyArray<number>
  readonly replaced: ReadonlyArray<number>
}

/** How many of each shelf may have to go for `coming`. */
export const candidates = (quotas: Quotas, counts: Counts, coming: ReadonlyArray<Kind>): Counts => {
  const comingTo = (shelf: Shelf) => coming.filter((one) => shelfOf(one) === shelf).length
  const realCount = counts.real + comingTo("real")
  const surplus = (shelf: Shelf) =>
    Math.max(0, counts[shelf] + comingTo(shelf) - room(quotas, shelf, realCount))
  return {
    real: surplus("real"),
    synthetic: surplus("synthetic"),
    rejected: surplus("rejected")
  }
}

/** Who is there while the plan is made. `queues`: the next to go first. */
interface Held {
  readonly counts: Record<Shelf, number>
  readonly byContent: Map<string, Standing>
  readonly queues: Readonly<Record<Shelf, Array<Standing>>>
  readonly gone: Set<number>
}

/** What adding `coming`, one after the other, would do. Their `seq` are greater than all that are kept. */
export const plan = (known: Known, coming: ReadonlyArray<Standing>): Plan => {
  const held = heldOf(known)
  const evicted: Array<number> = []
  const replaced: Array<number> = []
  const placed = coming.map((one): Placed => {
    const twin = held.byContent.get(one.fingerprint)
    if (twin !== undefined && !takesThePlaceOf(one, twin)) return { isNew: false, evicted: [] }
    const first = twin === undefined ? [] : [leave(held, twin)]
    enter(held, one)
    const others = overfull(held, known.quotas)
    replaced.push(...first)
    evicted.push(...others)
    return { isNew: true, evicted: [...first, ...others] }
  })
  const own = new Set(coming.map(({ seq }) => seq))
  const wasThere = (seq: number) => !own.has(seq)
  const stays = coming.filter(({ seq }, i) => placed[i]?.isNew === true && !held.gone.has(seq))
  return {
    placed,
    kept: new Set(stays.map(({ seq }) => seq)),
    evicted: evicted.filter(wasThere),
    replaced: replaced.filter(wasThere)
  }
}

const heldOf = ({ counts, twins, worst }: Known): Held => {
  const all = [...new Map([...twins, ...worst].map((one) => [one.seq, one])).values()]
  const listed = new Set(worst.map(({ seq }) => seq))
  const queueOf = (shelf: Shelf) =>
    all
      .filter((one) => listed.has(one.seq) && shelfOf(one) === shelf)
      .sort((a, b) => a.quality - b.quality || a.seq - b.seq)
  return {
    counts: { ...counts },
    byContent: new Map(all.map((one) => [one.fingerprint, one])),
    queues: {
      real: queueOf("real"),
      synthetic: queueOf("synthetic"),
      rejected: queueOf("rejected")
    },
    gone: new Set()
  }
}

const enter = ({ byContent, counts, queues }: Held, one: Standing): void => {
  const shelf = shelfOf(one)
  const queue = queues[shelf]
  counts[shelf]++
  byContent.set(one.fingerprint, one)
  queue.splice(placeIn(queue, one.quality), 0, one)
}

/** Behind all that go before it: it is the youngest of its quality. */
const placeIn = (queue: ReadonlyArray<Standing>, quality: number): number => {
  let [low, high] = [0, queue.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((queue[middle]?.quality ?? quality) <= quality) low = middle + 1
    else high = middle
  }
  return low
}

const leave = ({ byContent, counts, gone }: Held, one: Standing): number => {
  counts[shelfOf(one)]--
  byContent.delete(one.fingerprint)
  gone.add(one.seq)
  return one.seq
}

/** The worst, then the oldest, of each shelf that holds more than it may. */
const overfull = (held: Held, quotas: Quotas): ReadonlyArray<number> => {
  const evicted: Array<number> = []
  for (const shelf of shelves) {
    while (held.counts[shelf] > room(quotas, shelf, held.counts.real)) {
      const worst = held.queues[shelf].shift()
      if (worst === undefined) break
      if (!held.gone.has(worst.seq)) evicted.push(leave(held, worst))
    }
  }
  return evicted
}
