import { assert, describe, it } from "@effect/vitest"
import type { QualityFilter } from "@dreamgym/domain"
import { FilterMetrics } from "../../src/index.ts"
import { good } from "../dreams.ts"

const judged = (verdict: QualityFilter.Verdict) => ({ ...good, verdict })
const accepted = (scores: Readonly<Record<string, number>>) => judged({ _tag: "Accepted", scores })

const list = [
  accepted({ agreement: 1, "tokens/judge": 100 }),
  accepted({ agreement: 0.5, "fault/judge": 1 }),
  judged({ _tag: "Rejected", reason: "Empty", message: "", scores: { "tokens/judge": 20 } }),
  good
]

describe("the metrics of a filter", () => {
  it("are means of scores over those who have them, and sums of tokens and faults", () => {
    assert.deepStrictEqual(FilterMetrics.metrics(list), {
      "filter/agreement": 0.75,
      "filter/tokens/judge": 120,
      "filter/fault/judge": 1
    })
    assert.strictEqual(FilterMetrics.tokens(list), 120)
  })

  it("are none where nobody was judged", () => {
    assert.deepStrictEqual(FilterMetrics.metrics([good]), {})
    assert.strictEqual(FilterMetrics.tokens([]), 0)
  })
})
