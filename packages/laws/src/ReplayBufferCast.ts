/**
 * Who appears in the stories about a replay buffer: a few experiences, each lived, dreamt or rejected in several ways.
 * They are few and alike on purpose, so that they are met again; `Arbitraries` makes those that are all different.
 */
import { Ending, Task, type QualityFilter, type Trajectory } from "@dreamgym/domain"
import * as fc from "fast-check"

/**
 * What was experienced is named by `letter`: the same letter is the same content. Everything else is how. `quality` -1 to 2;
 * `version` is the policy's.
 */
export interface Role {
  readonly letter: Letter
  readonly by: "real" | "dream" | "mixed"
  readonly ending: keyof typeof endings
  readonly judged: keyof typeof verdicts
  readonly quality: number
  readonly version: number
}

const letters = ["A", "B", "C", "D", "E", "F", "G", "H"] as const
type Letter = (typeof letters)[number]

const endings = {
  won: Ending.terminated(true),
  lost: Ending.terminated(false),
  cut: Ending.truncated("StepLimit"),
  failed: Ending.failed("ExperienceModel", "no answer")
} as const satisfies Record<string, Ending.Ending>

const verdicts = {
  unjudged: undefined,
  accepted: { _tag: "Accepted", scores: { length: 1 } },
  rejected: { _tag: "Rejected", reason: "Contradiction", message: "twice there", scores: {} }
} as const satisfies Record<string, QualityFilter.Verdict | undefined>

const role: fc.Arbitrary<Role> = fc.record({
  letter: fc.constantFrom(...letters),
  by: fc.constantFrom("real", "dream", "mixed"),
  ending: fc.constantFrom("won", "lost", "cut", "failed", "won", "lost"),
  judged: fc.constantFrom("unjudged", "accepted", "rejected", "unjudged"),
  quality: fc.integer({ min: -1, max: 2 }),
  version: fc.integer({ min: -1, max: 2 })
})

export const roles: fc.Arbitrary<ReadonlyArray<Role>> = fc.array(role, {
  minLength: 1,
  maxLength: 4
})

export const nameOf = ({ by, ending, judged, letter, quality, version }: Role): string =>
  `${letter} ${[by, ending, judged, `q${quality}`, `v${version}`].join("-")}`

/** An experience has 0 to 3 steps. Each of its steps is known by its `mark`. */
export const trajectoryOf = (role: Role): Trajectory.Trajectory => {
  const verdict = verdicts[role.judged]
  const texts = textsOf(role.letter)
  return {
    id: idOf(role.letter),
    task: taskOf(role.letter),
    firstObservation: texts[0] ?? "",
    transitions: texts.slice(1).map((nextObservation, i) => ({
      observation: texts[i] ?? "",
      action: { text: actions[(indexOf(role.letter) + i) % actions.length] ?? "" },
      reward: i === texts.length - 2 && role.ending === "won" ? 1 : 0,
      nextObservation,
      provenance: provenanceOf(role, i)
    })),
    ending: endings[role.ending],
    policy: `agent of ${role.version}`,
    policyVersion: role.version,
    iteration: role.quality + 1,
    ...(verdict === undefined ? {} : { verdict })
  }
}

/** Of the trajectories of this cast. */
export const qualityOf = ({ iteration = 1 }: Trajectory.Trajectory): number => iteration - 1

/** Which step of which experience it is. */
export const markOf = ({ provenance }: Trajectory.Transition): string =>
  provenance._tag === "Real" ? provenance.version : provenance.reasoning

export const idOf = (letter: Letter): string => `of-${letter}`

const indexOf = (letter: Letter): number => letters.indexOf(letter)

const environments = ["kitchen", "attic"] as const
const rooms = ["a table, a mug", "a shelf, a lamp"] as const
const actions = ["take the mug", "open the drawer", "look around"] as const

/** Three tasks for eight letters. */
const taskOf = (letter: Letter): Task.Task => ({
  id: `task-${indexOf(letter) % 3}`,
  environment: environments[indexOf(letter) % 2] ?? environments[0],
  instruction: "find the mug",
  seed: 1,
  payload: { letter },
  origin: Task.original
})

/** The observations: the first of two rooms, and what follows; many are the same in several experiences. */
const textsOf = (letter: Letter): ReadonlyArray<string> => {
  const index = indexOf(letter)
  const later = ["you hold it", "it is open", rooms[index % 2] ?? ""]
  return [rooms[index % 2] ?? "", ...later.slice(0, index % 4)]
}

const provenanceOf = ({ by, letter }: Role, i: number): Trajectory.Provenance => {
  const mark = `${letter}${i}`
  const isReal = by === "real" || (by === "mixed" && i % 2 === 1)
  return isReal
    ? { _tag: "Real", environment: taskOf(letter).environment, version: mark }
    : {
        _tag: "Synthetic",
        model: "a model",
        modelVersion: 1,
        retrieved: [],
        reasoning: mark,
        scores: { likelihood: -0.5 },
        cost: 0,
        tokens: { prompt: 7, completion: 3 }
      }
}

/** Words for filters and questions: those of the cast, and one that nobody has. */
export const words = {
  letter: fc.constantFrom(...letters),
  environment: fc.constantFrom(...environments, "nowhere"),
  task: fc.constantFrom("task-0", "task-1", "task-2", "no-task"),
  state: fc.constantFrom(...rooms, "you hold it", "it is open", "nothing of the kind"),
  action: fc.constantFrom(...actions, "sing")
} as const

export const environmentNames: ReadonlyArray<string> = environments

/** Held out for evaluation. */
export const heldOut: Trajectory.Trajectory = {
  ...trajectoryOf({
    letter: "A",
    by: "real",
    ending: "won",
    judged: "unjudged",
    quality: 1,
    version: 0
  }),
  id: "of-held-out",
  task: { ...taskOf("A"), id: "held-out" }
}
