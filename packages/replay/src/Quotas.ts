/**
 * The rules of who may stay: whose quota a trajectory counts to, how much room that leaves, and who takes the place of its twin.
 * Pure and without imports, because a store's thread follows them too and must start fast; the rest of the seam is `Kept`.
 */

/**
 * How many trajectories may stay; absent: no bound. `all` bounds real and synthetic together, and only synthetic ones go for it,
 * so that real ones are never evicted by them. `real`, `synthetic` and `rejected` bound each of these by itself.
 */
export interface Quotas {
  readonly all?: number
  readonly real?: number
  readonly synthetic?: number
  readonly rejected?: number
}

/** What these rules must know of a trajectory. */
export interface Kind {
  readonly isReal: boolean
  readonly isRejected: boolean
}

/** Whose quota a trajectory counts to. */
export type Shelf = "real" | "synthetic" | "rejected"

export const shelves = ["real", "synthetic", "rejected"] as const satisfies ReadonlyArray<Shelf>

export const shelfOf = ({ isReal, isRejected }: Kind): Shelf =>
  isRejected ? "rejected" : isReal ? "real" : "synthetic"

/** How many may stay on `shelf` beside `realCount` real ones. */
export const room = (quotas: Quotas, shelf: Shelf, realCount: number): number => {
  const own = quotas[shelf] ?? Number.POSITIVE_INFINITY
  const rest = (quotas.all ?? Number.POSITIVE_INFINITY) - realCount
  return Math.max(0, shelf === "synthetic" ? Math.min(own, rest) : own)
}

/**
 * The same content is kept once. What really happened takes the place of what was dreamt, and what was accepted that of what was
 * rejected.
 */
export const takesThePlaceOf = (coming: Kind, kept: Kind): boolean => rankOf(coming) > rankOf(kept)

const rankOf = (entry: Kind): number => shelves.length - shelves.indexOf(shelfOf(entry))
