/** What a buffer's database is worth when its process is killed; `npm run torture -- replay` does it 200 times. */
import { Seed } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { killed } from "../torture/kills.ts"
import { works } from "../torture/world.ts"
import { temporaryDirectory } from "./disk.ts"

describe("a writer that is killed at a random moment", () => {
  for (const [i, work] of works.entries()) {
    it.live(
      `loses nothing that it acknowledged: ${work}`,
      () =>
        Effect.gen(function* () {
          const file = `${yield* temporaryDirectory}/replay.sqlite`
          const random = Seed.generator(Seed.key(2, "crash", i))
          const words = work === "migration" ? 1 : 2
          const kills = yield* killed({ file, work, kills: 1, longestMs: 80, random, words })
          assert.deepStrictEqual(
            kills.flatMap(({ findings }) => findings),
            []
          )
          assert.isAbove(kills.at(-1)?.kept ?? 0, 0)
        }),
      30_000
    )
  }
})
