import type { Trajectory } from "@dreamgym/domain"
import { ReplayBufferLaws } from "../src/index.ts"
import { durable, layer, sampleSoundly, type Flaws } from "./memory.ts"
import { provenLaws } from "./mutations.ts"

const suite = (flaws: Flaws = {}, isDeaf = false) =>
  ReplayBufferLaws.replayBufferLaws({
    name: "a list",
    buffer: (evaluation) => layer(isDeaf ? flaws : { ...flaws, evaluation }),
    durable: durable(flaws)
  })

const isDream = ({ transition }: { readonly transition: Trajectory.Transition }) =>
  transition.provenance._tag === "Synthetic"

let drawn = 0

provenLaws(suite(), {
  "what was added is in the snapshot, whole and in order": {
    broken: suite({ forget: (list) => list.toReversed() }),
    because: /the snapshot: expected/
  },
  "the same content is kept once, whatever it is called": {
    broken: suite({ keepsDuplicates: true }),
    because: /what is new in the same again: expected 0, found/
  },
  "additions side by side lose nothing": {
    broken: suite({ yieldsInAdd: true }),
    because: /what was new: expected|the snapshot: expected/
  },
  "the statistics count the snapshot": {
    broken: suite({ stats: { successes: -1 } }),
    because: /the statistics: expected .*"successes":[^-].*found .*"successes":-1/
  },
  "evaluation data is refused, and all that comes with it": {
    broken: suite({}, true),
    because: /the addition: expected ReplayBufferError EvaluationData, it answered/
  },
  "a sample is as real and as successful as was asked, as far as there is enough": {
    broken: suite({ sample: (list, { count }) => list.slice(0, count) }),
    because: /of the sample are (real|successful); wanted/
  },
  "none is drawn twice before all were drawn once": {
    broken: suite({
      sample: (list, { count }) => Array.from({ length: count }, () => list.slice(0, 1)).flat()
    }),
    because: /were drawn so often each: \d+ 0/
  },
  "the same key draws the same sample": {
    broken: suite({
      sample: (list, request) => sampleSoundly(list, { ...request, key: drawn++ })
    }),
    because: /the second sample: expected/
  },
  "an empty buffer has not enough": {
    broken: suite({ emptyIsFine: true }),
    because: /the sample: expected ReplayBufferError NotEnough, it answered \[\]/
  },
  "what is found is sorted by likeness, k at most, each once, and itself most alike": {
    broken: suite({ similar: (found, { k }) => found.toReversed().slice(0, k) }),
    because: /the order: expected|is not like itself/
  },
  "what is found is real, of the environment and not of the trajectory, as asked": {
    broken: suite({ ignoresWishes: true }),
    because: /what is not its own: expected/
  },
  "of equally similar ones the real come first": {
    broken: suite({
      similar: (found, { k }) =>
        found.toSorted((a, b) => b.similarity - a.similarity || (isDream(a) ? -1 : 1)).slice(0, k)
    }),
    because: /the first: expected \["real"\], found \["(later-)?dream"\]/
  },
  "reopened, it is the same buffer": {
    broken: suite({ forget: (list) => list.slice(0, -1) }),
    because: /the reopened buffer: expected|NotEnough/
  }
})
