import { assert, describe, it } from "@effect/vitest"
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { Novelty, QualityFilter, TextRules } from "../../src/index.ts"
import { boxTask, demonstrationOf, knownWorlds, trajectoryOf } from "../boxes.ts"
import { dreamt, good, key, lost, opinionOf, pen } from "../dreams.ts"

/** A buffer that knows each action to this similarity, and notes what it was asked. */
const likeness = (similarities: Readonly<Record<string, number>>, environment = "boxes") => {
  const asked: Array<ReplayBuffer.SimilarQuery> = []
  const elsewhere = { ...boxTask("b", "pen"), environment }
  const demonstration = demonstrationOf(trajectoryOf("kept", elsewhere, [pen]), 0)
  const retrieval: ReplayBuffer.Retrieval["Service"] = {
    similar: (query) =>
      Effect.sync(() => {
        asked.push(query)
        const similarity = similarities[query.action]
        return similarity === undefined
          ? []
          : [
              { ...demonstration, similarity: similarity - 0.1 },
              { ...demonstration, similarity }
            ]
      })
  }
  return { asked, retrieval }
}

const familiar = { "open box 1": 0.99, "open box 2": 0.95 }

describe("the rule against near duplicates", () => {
  it.effect("rejects where each step is at least as like a kept one as the bound", () =>
    Effect.gen(function* () {
      const { asked, retrieval } = likeness(familiar)
      const look = (maxSimilarity: number) =>
        opinionOf(Novelty.nearDuplicate({ retrieval, maxSimilarity }), good)
      assert.deepStrictEqual(yield* look(0.95), {
        scores: { similarity: 0.95 },
        complaint: "each of its steps is at least 0.950 like one that is kept; the bound is 0.95"
      })
      assert.deepStrictEqual(yield* look(0.951), {
        scores: { similarity: 0.95 },
        complaint: undefined
      })
      assert.deepStrictEqual(asked.slice(0, 2), [
        {
          state: "key unseen box 1 unseen box 2 unseen box 3",
          action: "open box 1",
          k: 4,
          excludeTrajectory: "good"
        },
        {
          state: "key pen 1 box 1 unseen box 2 unseen box 3",
          action: "open box 2",
          k: 4,
          excludeTrajectory: "good"
        }
      ])
    })
  )

  it.effect("takes a trajectory for new where one step is, or only other worlds know it", () =>
    Effect.gen(function* () {
      const look = ({ retrieval }: ReturnType<typeof likeness>, trajectory = good) =>
        opinionOf(Novelty.nearDuplicate({ retrieval, maxSimilarity: 0.9 }), trajectory)
      const nothing = { scores: { similarity: -1 }, complaint: undefined }
      assert.deepStrictEqual(yield* look(likeness(familiar), lost), nothing)
      assert.deepStrictEqual(yield* look(likeness(familiar, "elsewhere")), nothing)
      assert.deepStrictEqual(yield* look(likeness(familiar), dreamt("empty", [])), {
        scores: {},
        complaint: undefined
      })
    })
  )

  it.effect("is at fault, and not the trajectory, where the buffer does not answer", () =>
    Effect.gen(function* () {
      const broken = new ReplayBuffer.ReplayBufferError({ reason: "Io", message: "no such disk" })
      const retrieval = { similar: () => Effect.fail(broken) }
      const error = yield* Effect.flip(
        opinionOf(Novelty.nearDuplicate({ retrieval, maxSimilarity: 0.9 }), good)
      )
      assert.deepStrictEqual(
        [error.reason, error.rule, error.message, error.cause],
        [
          "Unavailable",
          "nearDuplicate",
          "similar experience could not be looked up (Io): no such disk",
          broken
        ]
      )
    })
  )
})

describe("the rule against duplicates", () => {
  it.effect("asks for the same task, actions and observations, of what no other rule rejects", () =>
    Effect.gen(function* () {
      const kept = new Set([Novelty.fingerprint(good)])
      const asked: Array<string> = []
      const filter = QualityFilter.make({
        knowledge: knownWorlds,
        rules: [
          TextRules.unearnedReward,
          Novelty.duplicate((fingerprint) =>
            Effect.sync(() => {
              asked.push(fingerprint)
              return kept.has(fingerprint)
            })
          )
        ]
      })
      const list = [{ ...good, id: "twin" }, dreamt("other", [key]), dreamt("cheat", [[...pen, 1]])]
      const verdicts = yield* Effect.forEach(list, filter.judge)
      assert.deepStrictEqual(
        verdicts.map((verdict) => (verdict._tag === "Rejected" ? verdict.reason : "Accepted")),
        ["Duplicate", "Accepted", "UnearnedReward"]
      )
      assert.strictEqual(asked.length, 2)
    })
  )

  it("tells apart what differs in any word, and nothing else", () => {
    const twin = { ...good, id: "another", policy: "somebody", policyVersion: 8 }
    assert.strictEqual(Novelty.fingerprint(twin), Novelty.fingerprint(good))
    assert.notStrictEqual(Novelty.fingerprint(lost), Novelty.fingerprint(good))
  })
})
