/**
 * The vectors of a buffer in PostgreSQL, kept as what the database can: `vector(D)` and searched there with pgvector, else bytes that
 * are searched in memory.
 * Only the choice; both ways are elsewhere.
 */
import type { Space, Vectors } from "../Kept.ts"
import { type Extension, most } from "./PostgresExtension.ts"
import type { Held } from "./PostgresHeld.ts"
import * as PostgresNearest from "./PostgresNearest.ts"
import * as PostgresSpaces from "./PostgresSpaces.ts"
import * as PostgresVectors from "./PostgresVectors.ts"

/** `extension` undefined: there is no pgvector. What is too long for it is kept as bytes. */
export const make = (held: Held, extension: Extension | undefined): Vectors => {
  const bytes = PostgresVectors.make(held)
  if (extension === undefined) return bytes
  const spaces: PostgresSpaces.Spaces = { held, extension, known: new Map() }
  return {
    read: (space, page) =>
      fits(space) ? PostgresSpaces.read(spaces, space, page) : bytes.read(space, page),
    write: (space, some) =>
      fits(space) ? PostgresSpaces.write(spaces, space, some) : bytes.write(space, some),
    search: (space) =>
      fits(space)
        ? {
            known: (seqs) => PostgresSpaces.known(spaces, space, seqs),
            nearest: (queries) => PostgresNearest.nearest(spaces, space, queries)
          }
        : undefined
  }
}

const fits = ({ dimension }: Space): boolean => dimension >= 1 && dimension <= most.stored
