import { Ending, QualityFilter, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Arbitraries, QualityFilterLaws } from "../src/index.ts"
import { provenLaws } from "./mutations.ts"

const [first, second] = fc.sample(
  Arbitraries.trajectoryLike({ ending: fc.constant(Ending.terminated(true)), minTransitions: 1 }),
  { numRuns: 2, seed: 1 }
)
const accepted = [first, second].filter((one) => one !== undefined)
const rejected = accepted.map((one) => ({
  trajectory: { ...one, transitions: [] },
  reason: "Empty" as const
}))

type Judge = (trajectory: Trajectory.Trajectory) => QualityFilter.Verdict

const reject = (reason: QualityFilter.Rejection): QualityFilter.Verdict => ({
  _tag: "Rejected",
  reason,
  message: reason,
  scores: {}
})

const sound: Judge = ({ ending, transitions }) => {
  if (ending._tag === "Failed") return reject("Fault")
  if (transitions.length === 0) return reject("Empty")
  return { _tag: "Accepted", scores: { length: transitions.length } }
}

/** `make` makes the judge of a new filter. */
const suite = (make: () => Judge = () => sound) =>
  suiteOf(() => {
    const judge = make()
    return (trajectory) => Effect.sync(() => judge(trajectory))
  })

const suiteOf = (make: () => QualityFilter.QualityFilter["Service"]["judge"]) =>
  QualityFilterLaws.qualityFilterLaws({
    name: "a simple filter",
    filter: Effect.sync(() => QualityFilter.QualityFilter.of({ judge: make() })),
    accepted,
    rejected
  })

const remembering = () => {
  const seen = new Set<string>()
  return (trajectory: Trajectory.Trajectory): QualityFilter.Verdict => {
    const text = fc.stringify(trajectory)
    if (seen.has(text)) return reject("Duplicate")
    seen.add(text)
    return sound(trajectory)
  }
}

const counting = () => {
  let judged = 0
  return (): QualityFilter.Verdict => ({ _tag: "Accepted", scores: { judged: judged++ } })
}

/** Judges whoever came last. */
const mixing = () => {
  let latest: Trajectory.Trajectory
  return Effect.fnUntraced(function* (trajectory: Trajectory.Trajectory) {
    latest = trajectory
    yield* Effect.yieldNow
    return sound(latest)
  })
}

provenLaws(suite(), {
  "the same trajectory gets the same verdict": {
    broken: suite(remembering),
    because: /the second verdicts: expected .*Accepted.*found .*Duplicate/
  },
  "a verdict does not depend on what was judged before": {
    broken: suite(counting),
    because: /the verdicts in reverse: expected .*"judged":0/
  },
  "judged side by side, each gets the verdict that it gets alone": {
    broken: suiteOf(mixing),
    because: /the verdicts side by side: expected .*Accepted/
  },
  "a verdict that a trajectory carries does not decide": {
    broken: suite(() => (trajectory) => trajectory.verdict ?? sound(trajectory)),
    because: /the verdict on .*: expected .*"length":\d.*found .*"foreign":1/
  },
  "a verdict has finite scores, and a rejection says why": [
    {
      broken: suite(() => () => ({ _tag: "Accepted", scores: { mean: Number.NaN } })),
      because: /has NaN as mean/
    },
    {
      broken: suite(() => (trajectory) => {
        const verdict = sound(trajectory)
        return verdict._tag === "Rejected" ? { ...verdict, message: " " } : verdict
      }),
      because: /was rejected without a word/
    }
  ],
  "an episode that failed is rejected as Fault, whatever it holds": {
    broken: suite(() => (trajectory) => sound({ ...trajectory, ending: Ending.terminated(true) })),
    because: /the verdict on Environment: expected "Fault", found "Accepted"/
  },
  "good examples pass, bad ones are rejected for their reason": {
    broken: suite(() => () => reject("TooLong")),
    because: /was rejected: TooLong/
  }
})
