/**
 * What the threads of another process have used of the processors, as Linux counts it, looked at four times a second.
 * It sees threads, not what they do.
 */
import { readdirSync, readFileSync } from "node:fs"
import type { Span } from "./profile.ts"

/** One look: at (ms since 1970), and of each thread (by id) the milliseconds that it has worked and waited for a core. */
interface Look {
  readonly at: number
  readonly threads: ReadonlyMap<string, Used>
}

/** Milliseconds since the thread began. `id` is its number in the system, `name` what Node calls it. */
export interface Used {
  readonly id: string
  readonly name: string
  readonly worked: number
  readonly waited: number
}

const lookAt = (pid: number): Look => {
  const folder = `/proc/${pid}/task`
  const threads = readdirSync(folder).flatMap((id) => {
    try {
      const counted = readFileSync(`${folder}/${id}/schedstat`, "utf8").split(" ").map(Number)
      const name = readFileSync(`${folder}/${id}/comm`, "utf8").trim()
      const [worked = 0, waited = 0] = counted.map((nanoseconds) => nanoseconds / 1e6)
      return [[id, { id, name, worked, waited }] as const]
    } catch {
      // It ended between the two looks.
      return []
    }
  })
  return { at: Date.now(), threads: new Map(threads) }
}

/** Looks until it is stopped; what it saw then tells of any span. */
export const watch = (pid: number) => {
  const looks: Array<Look> = []
  const timer = setInterval(() => {
    try {
      looks.push(lookAt(pid))
    } catch {
      clearInterval(timer)
    }
  }, 250)
  return {
    stop: () => {
      clearInterval(timer)
      return (span: Span): ReadonlyArray<Used> => usedIn(looks, span)
    }
  }
}

const usedIn = (looks: ReadonlyArray<Look>, { from, to }: Span): ReadonlyArray<Used> => {
  const ids = new Set(looks.flatMap(({ threads }) => [...threads.keys()]))
  return [...ids].map((id) => {
    const [before, after] = [countAt(looks, id, from), countAt(looks, id, to)]
    const { name } = after
    return { id, name, worked: after.worked - before.worked, waited: after.waited - before.waited }
  })
}

/** Between two looks a thread is taken to have worked evenly; before its first it had not, after its last it does no more. */
const countAt = (looks: ReadonlyArray<Look>, id: string, at: number): Used => {
  let known: { readonly at: number; readonly used: Used } | undefined
  for (const look of looks) {
    const used = look.threads.get(id)
    if (used === undefined) continue
    if (look.at >= at) {
      const earlier = known ?? { at: look.at, used: { ...used, worked: 0, waited: 0 } }
      if (known === undefined) return earlier.used
      const share = (at - known.at) / (look.at - known.at)
      const between = (a: number, b: number) => a + (b - a) * share
      return {
        id,
        name: used.name,
        worked: between(known.used.worked, used.worked),
        waited: between(known.used.waited, used.waited)
      }
    }
    known = { at: look.at, used }
  }
  return known?.used ?? { id, name: "", worked: 0, waited: 0 }
}
