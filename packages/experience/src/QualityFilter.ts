/**
 * The quality filter: named rules, asked in their order, of which the first complaint rejects a dreamt trajectory.
 * It drops trajectories; it never changes a reward, and a rule that cannot judge is a fault, not a rejection.
 */
import { type Knowledge, QualityFilter } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rule from "./quality/Rule.ts"
import * as TextRules from "./quality/TextRules.ts"

export { gate, type GateOptions, gateGroups, type HeldBack } from "./quality/Gate.ts"

/**
 * `knowledge` of the real environments. `rules` are asked in this order (default `TextRules.standard`: they need no model and no
 * buffer); one of your own is a value `{ name, reason, judge }`. `scores` and `faults`: see `Rule.Manner`.
 */
export interface Options extends Rule.Manner {
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly rules?: ReadonlyArray<Rule.Rule>
}

/**
 * Before all `rules` an episode that failed is rejected as `Fault`: nobody can leave that out. It remembers nothing: unless a rule
 * does, a verdict does not depend on what was judged before. Scores of every verdict: `characters`; with Knowledge also
 * `contradictions`, `goalSeen` and `earned` (0 or 1: the text shows success at the end).
 */
export const make = (options: Options): QualityFilter.QualityFilter["Service"] => {
  const rules = [TextRules.fault, ...(options.rules ?? TextRules.standard)]
  return QualityFilter.QualityFilter.of({
    judge: Effect.fn("QualityFilter.judge")((trajectory) =>
      Rule.verdict(rules, Rule.subjectOf(trajectory, options.knowledge), options)
    )
  })
}

export const layer = (options: Options): Layer.Layer<QualityFilter.QualityFilter> =>
  Layer.succeed(QualityFilter.QualityFilter, make(options))
