/** Tests of the moment that a checkpoint holds: what changes afterwards is not in it. */
import { type Curriculum, type Learner } from "@dreamgym/domain"
import * as Trainable from "@dreamgym/language/Trainable"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Prepared from "../src/Prepared.ts"
import * as Vocabulary from "../src/Vocabulary.ts"
import { dreamingOf, run, saying } from "./dreaming.ts"

const learner: Learner.Learner["Service"] = {
  update: () => Effect.die("nobody learns here"),
  state: Effect.succeed({}),
  restore: () => Effect.void
}
const curriculum: Pick<Curriculum.Curriculum["Service"], "records"> = {
  records: Effect.succeed([])
}

const preparedOf = Effect.fnUntraced(function* () {
  const { fitted, offline, world } = yield* dreamingOf(saying(""), [])
  const prepared: Prepared.Prepared = {
    tokenizer: Vocabulary.tokenizerOf(world.knowledge, offline.train),
    experience: fitted.trainable,
    cloned: Trainable.copy(fitted.trainable),
    clonedPlus: undefined,
    policy: Trainable.copy(fitted.trainable)
  }
  return { prepared, experience: fitted.trainable }
})

describe("a moment without an experience model", () => {
  it("has no file of one", async () => {
    await run(
      Effect.gen(function* () {
        const { prepared } = yield* preparedOf()
        const without = { ...prepared, experience: undefined }
        const moment = yield* Prepared.momentNow(1, without, learner, curriculum, undefined)
        expect(moment.experience).toBeUndefined()
        expect(Object.keys(Prepared.filesOf(without, moment)).toSorted()).toEqual([
          "cloned.safetensors",
          "curriculum.json",
          "tokenizer.json"
        ])
      }).pipe(Effect.scoped)
    )
  })
})

const file = "experience.safetensors"

describe("the experience model of a moment", () => {
  it("is as it was then, though it learns on; the next moment has the new one", async () => {
    await run(
      Effect.gen(function* () {
        const { experience, prepared } = yield* preparedOf()
        const now = (before?: Prepared.Moment) =>
          Prepared.momentNow(1, prepared, learner, curriculum, before)
        const first = yield* now()
        const saved = Prepared.filesOf(prepared, first)[file]?.slice()
        new Uint8Array(experience.parameters.memory).fill(1)
        expect(Prepared.filesOf(prepared, first)[file]).toEqual(saved)
        expect((yield* now(first)).experience).toBe(first.experience)
        experience.version++
        const second = yield* now(first)
        expect(second.experience?.version).toBe((first.experience?.version ?? 0) + 1)
        expect(Prepared.filesOf(prepared, second)[file]).not.toEqual(saved)
      }).pipe(Effect.scoped)
    )
  })
})
