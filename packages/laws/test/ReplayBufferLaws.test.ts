import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import { ReplayBufferLaws } from "../src/index.ts"
import * as Model from "../src/ReplayBufferModel.ts"
import * as Flawed from "./flaws.ts"
import { drawSoundly, durable, embedded, layer, type Flaws } from "./memory.ts"
import { provenLaws, type Mutant } from "./mutations.ts"

const suite = (flaws: Flaws = {}, distort?: (cosine: number) => number) =>
  ReplayBufferLaws.replayBufferLaws({
    name: "a list",
    buffer: (setting) => layer(setting, flaws),
    durable: (setting) => durable(setting, flaws),
    embedded: (embedder) => embedded(embedder, flaws, distort)
  })

const mutant = (flaws: Flaws, because: RegExp): Mutant => ({ broken: suite(flaws), because })
const breaking = (rules: NonNullable<Flaws["rules"]>, because: RegExp) => mutant({ rules }, because)

const isDream = ({ transition }: { readonly transition: Trajectory.Transition }) =>
  transition.provenance._tag === "Synthetic"

/** Draws as if something else had been asked. */
const asking =
  (
    change: (request: ReplayBuffer.SampleRequest) => ReplayBuffer.SampleRequest
  ): NonNullable<Flaws["draw"]> =>
  (model, request) =>
    drawSoundly(model, Model.drawable(model), change(request))

/** Says what chances they had, but draws uniformly. */
const drawsUniformly: NonNullable<Flaws["draw"]> = (model, request) => {
  const items = Model.drawable(model)
  const truth = Model.chances(model, items, request.strategy ?? { _tag: "Uniform" })
  const chanceOf = new Map(items.map((item, i) => [item, truth[i]?.low ?? 0]))
  return drawSoundly(model, items, { ...request, strategy: { _tag: "Uniform" } }).map(
    ({ item }) => ({ item, probability: chanceOf.get(item) ?? 0 })
  )
}

/** Every tenth is the first. */
const favoursTheFirst: NonNullable<Flaws["draw"]> = (model, request) => {
  const items = Model.drawable(model)
  return drawSoundly(model, items, request).map((one, i) => ({
    ...one,
    item: (request.key + i) % 10 === 0 ? (items[0] ?? one.item) : one.item
  }))
}

let drawn = 0

provenLaws(suite(), {
  "what was added is read back, whole and in order": mutant(
    { lists: (list) => list.toReversed() },
    /what is kept: expected/
  ),
  "whatever a trajectory holds comes back as it was": [
    mutant({ lists: (list) => JSON.parse(JSON.stringify(list)) }, /expected .*(NaN|Infinity)/),
    mutant(
      { lists: (list) => list.map((one) => ({ ...one, id: one.id.toWellFormed() })) },
      /what is kept: expected/
    )
  ],
  "the same content is kept once, whatever it is called": breaking(
    Flawed.keepsDuplicates,
    /what is new in the same again: expected 0, found/
  ),
  "additions side by side lose nothing": mutant(
    { yieldsInAdd: true },
    /what was new: expected|what is kept: expected/
  ),
  "evaluation data is refused, and all that comes with it": breaking(
    Flawed.deaf,
    /the addition: expected ReplayBufferError EvaluationData, it answered/
  ),
  "a sample is as real and as successful as was asked, as far as there is enough": [
    mutant({ draw: asking(({ realFraction: _, ...rest }) => rest) }, /of the sample are real/),
    mutant(
      { draw: asking(({ successFraction: _, ...rest }) => rest) },
      /of the sample are successful/
    )
  ],
  "a sample has the share of each environment that was asked, as far as there is enough": mutant(
    { draw: asking(({ environments: _, ...rest }) => rest) },
    /of the sample are of (kitchen|attic); wanted/
  ),
  "none is drawn twice before all were drawn once": mutant(
    { draw: asking((request) => ({ ...request, replacement: true })) },
    /were drawn so often each: \d+ \d/
  ),
  "the same key draws the same sample": mutant(
    { draw: asking((request) => ({ ...request, key: drawn++ })) },
    /the second sample: expected/
  ),
  "an empty buffer has not enough": mutant(
    { emptyIsFine: true },
    /the sample: expected ReplayBufferError NotEnough, it answered \[\]/
  ),
  "ranks are of the whole buffer, so that no balance goes with them": mutant(
    { balancesRanks: true },
    /the draw: expected ReplayBufferError BadRequest, it answered/
  ),
  "by Uniform, each is drawn as often as its chance says, in balance or not": [
    mutant({ draw: favoursTheFirst }, /chi-square is|was drawn with/),
    mutant({ importance: () => 1 }, /has the importance 1; expected/)
  ],
  "by Proportional, each is drawn as often as its chance says, in balance or not": [
    mutant({ draw: drawsUniformly }, /chi-square is .* beyond/),
    mutant(
      {
        draw: asking((request) => ({
          ...request,
          strategy: { _tag: "Proportional", alpha: 1, epsilon: 0.01 }
        }))
      },
      /was drawn with .*, its chance is/
    ),
    mutant({ importance: ({ importance }) => importance ** 2 }, /has the importance .*; expected/)
  ],
  "by RankBased, each is drawn as often as its chance says, in balance or not": mutant(
    { draw: drawsUniformly },
    /chi-square is .* beyond/
  ),
  "by Recency, each is drawn as often as its chance says, in balance or not": mutant(
    { draw: asking((request) => ({ ...request, strategy: { _tag: "Recency", halfLife: 6 } })) },
    /was drawn with .*, its chance is/
  ),
  "what is found is sorted by likeness, k at most, each once, and itself most alike": mutant(
    { similar: (found, { k }) => found.toReversed().slice(0, k) },
    /the cosines are out of order|is not like itself/
  ),
  "of equally similar ones the real come first": mutant(
    {
      similar: (found, { k }) =>
        found.toSorted((a, b) => b.similarity - a.similarity || (isDream(a) ? -1 : 1)).slice(0, k)
    },
    /the first: expected \["real"\], found \["(later-)?dream"\]/
  ),
  "questions asked side by side are answered as one after the other": mutant(
    { mixesQuestions: true },
    /the answer to question \d: expected/
  ),
  "with an embedder whose cosines are known, what is found is the nearest there is": [
    mutant(
      { similar: (found, { k }) => found.slice(found.length > k ? 1 : 0).slice(0, k) },
      /place \d has one of cosine/
    ),
    { broken: suite({}, (cosine) => cosine / 2), because: /the cosine of .* was said to be/ },
    mutant({ query: ({ source: _, ...rest }) => rest }, /how many: expected|place \d has/)
  ],
  "restored, it is as it was at the snapshot": breaking(
    Flawed.keepsLaterOnes,
    /what is kept, restored: expected/
  ),
  "any story goes as in a list in memory": [
    breaking(Flawed.dreamsStay, /how many were new: expected/),
    breaking(Flawed.rejectionsStay, /how many were new: expected/),
    breaking(Flawed.evictsTheBest, /what is kept: expected/),
    breaking(Flawed.evictsTheReal, /what is kept: expected/),
    breaking(Flawed.forgetsQuotas, /what is kept: expected/),
    breaking(Flawed.evictsTheYoungest(), /what is kept: expected|how many were new/),
    breaking(Flawed.deaf, /the addition: expected ReplayBufferError EvaluationData/),
    breaking(Flawed.drawsRejected, /may be|NotEnough/),
    breaking(Flawed.drawsFailed, /may be|NotEnough/),
    breaking(Flawed.findsRejected, /what is found: expected/),
    breaking(Flawed.findsNoFailed, /what is found: expected/),
    breaking(Flawed.mistakesSources, /what is found: expected/),
    breaking(Flawed.keepsLaterOnes, /what is kept: expected/),
    breaking(Flawed.remembersLaterSnapshots, /expected ReplayBufferError NoSnapshot/),
    breaking(Flawed.restoresNewPriorities, /is drawn by .* with the probability/),
    breaking(Flawed.releasesOlder, /NoSnapshot/),
    breaking(Flawed.evictsWhatWasReleased, /what is kept: expected/),
    breaking(Flawed.prioritisesAll, /is drawn by .* with the probability/),
    mutant({ stats: { successes: 0 } }, /the statistics: expected/),
    mutant({ stats: { rejected: 0 } }, /the statistics: expected/),
    mutant({ query: ({ leastVersion: _, ...rest }) => rest }, /what is found: expected/),
    mutant({ query: ({ task: _, ...rest }) => rest }, /what is found: expected/),
    mutant({ query: ({ leastQuality: _, ...rest }) => rest }, /what is found: expected/),
    mutant({ query: ({ excludeTrajectory: _, ...rest }) => rest }, /what is found: expected/),
    mutant({ query: ({ environment: _, ...rest }) => rest }, /what is found: expected/),
    mutant({ similar: (found) => found }, /the first \d: expected/),
    mutant({ importance: () => 1 }, /has the importance 1; expected/),
    mutant({ forgets: Flawed.forgetsPriorities }, /is drawn by .* with the probability/),
    mutant({ forgets: Flawed.forgetsSnapshots }, /NoSnapshot/),
    mutant({ forgets: Flawed.forgetsTheLast }, /what is kept: expected/)
  ],
  "reopened, it is the same buffer": [
    mutant({ forgets: Flawed.forgetsTheLast }, /what is kept, reopened: expected|NotEnough/),
    mutant({ forgets: Flawed.forgetsPriorities }, /draws? .*reopened: expected/)
  ]
})
