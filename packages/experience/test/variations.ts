/** A task generator for these tests. */
import type { Curriculum as Contract, Task } from "@dreamgym/domain"
import * as Stream from "effect/Stream"

/** Variations that follow from their seeds and key alone, as a generator's do. */
export const sameVariations: Contract.TaskGenerator["Service"]["variations"] = (
  seeds,
  { key, perSeed }
) =>
  Stream.fromIterable(
    seeds.flatMap((seed) =>
      Array.from({ length: perSeed }, (_, i): Task.Task => ({
        ...seed,
        id: `${seed.id}/${key}/${i}`,
        origin: { _tag: "Generated", parentId: seed.id, generation: 1 }
      }))
    )
  )
