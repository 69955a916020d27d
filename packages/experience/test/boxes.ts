/** A toy world for these tests: boxes with things in them; the task is to find one. And a language model that follows a script. */
import {
  Ending,
  History,
  type Knowledge,
  LanguageModel,
  type ReplayBuffer,
  Task,
  type Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

export const things = ["key", "coin", "pen"]

/** `contents[i]` lies in box i + 1; "" is an empty box. */
export type Contents = ReadonlyArray<string>

export const instructionOf = (goal: string): string => `find the ${goal}`

export const boxTask = (id: string, goal: string, contents: Contents = []): Task.Task => ({
  id,
  environment: "boxes",
  instruction: instructionOf(goal),
  seed: 7,
  payload: { contents },
  origin: Task.original
})

export const firstObservation = (boxes: number, goal: string): string =>
  `-= Boxes =-\n\nYou see ${Array.from({ length: boxes }, (_, i) => `box ${i + 1}`).join(", ")}.\n\nYour task is to: ${instructionOf(goal)}.`

export const listing = (box: string, thing: string): string =>
  `In the ${box} you see ${thing === "" ? "nothing" : `a ${thing}`}.`

export const real: Trajectory.Provenance = { _tag: "Real", environment: "boxes", version: "1" }

export const synthetic: Trajectory.Provenance = {
  _tag: "Synthetic",
  model: "script",
  modelVersion: 0,
  retrieved: [],
  reasoning: "",
  scores: {},
  cost: 0
}

/** A trajectory from (action, observation, reward); it ends as it should unless told otherwise. */
export const trajectoryOf = (
  id: string,
  task: Task.Task,
  turns: ReadonlyArray<readonly [action: string, observation: string, reward?: number]>,
  options: {
    readonly first?: string
    readonly ending?: Ending.Ending
    readonly provenance?: Trajectory.Provenance
  } = {}
): Trajectory.Trajectory => {
  const goal = task.instruction.replace("find the ", "")
  const first = options.first ?? firstObservation(3, goal)
  const observations = [first, ...turns.map(([, observation]) => observation)]
  const isDone = (turns.at(-1)?.[2] ?? 0) > 0
  return {
    id,
    task,
    firstObservation: first,
    transitions: turns.map(([text, nextObservation, reward = 0], t) => ({
      observation: observations[t] ?? "",
      action: { text },
      reward,
      nextObservation,
      provenance: options.provenance ?? real
    })),
    ending: options.ending ?? (isDone ? Ending.terminated(true) : Ending.truncated("StepLimit")),
    policy: "hand",
    policyVersion: -1
  }
}

interface Notes {
  readonly boxes: ReadonlyMap<string, string | undefined>
  readonly contradictions: number
  readonly malformed?: string
}

const notes = History.memoizedFold(
  (first): Notes => ({
    boxes: new Map((first.match(/box \d+/g) ?? []).map((box) => [box, undefined])),
    contradictions: 0
  }),
  (state, { action, observation }): Notes => {
    const box = action.replace("open ", "")
    if (!state.boxes.has(box)) return state
    const seen = /^In the (box \d+) you see (?:a (\w+ \d+)|nothing)\.$/.exec(observation)
    if (seen === null || seen[1] !== box)
      return { ...state, malformed: state.malformed ?? observation }
    const before = state.boxes.get(box)
    const now = seen[2] ?? "nothing"
    const wrong = before !== undefined && before !== now ? 1 : 0
    const boxes = new Map(state.boxes).set(box, now)
    return { ...state, boxes, contradictions: state.contradictions + wrong }
  }
)

const goalOf = (task: Task.Task): string => task.instruction.replace("find the ", "")

const stateText = (task: Task.Task, history: History.History): string =>
  `${goalOf(task)} ${[...notes(history).boxes].map(([box, thing]) => `${thing ?? "unseen"} ${box}`).join(" ")}`

const isFound = (task: Task.Task, history: History.History): boolean =>
  [...notes(history).boxes.values()].some((thing) => thing?.startsWith(`${goalOf(task)} `))

export const knowledge: Knowledge.Knowledge = {
  features: ["goal"],
  lexicon: ["unseen", "nothing", ...things, ...things.map((thing) => `${thing} 1`)],
  describe: (task, history) => ({
    text: stateText(task, history),
    admissible: [...notes(history).boxes.keys()].map((box) => `open ${box}`),
    matches: { goal: [goalOf(task)] }
  }),
  question: (task, history, action) => ({
    text: stateText(task, history),
    matches: { goal: [goalOf(task)] },
    forbidden: [...notes(history).boxes].flatMap(([box, thing]) =>
      thing === undefined || thing === "nothing" || action === `open ${box}` ? [] : [thing]
    ),
    once: ["key 1"]
  }),
  annotate: (_task, history, action, _observation, reward) =>
    `${notes(history).boxes.has(action.replace("open ", "")) ? "works." : "fails."} progress ${reward}`,
  audit: (task, history) => {
    const { contradictions, malformed } = notes(history)
    const success = isFound(task, history)
    return {
      success,
      contradictions,
      goalSeen: success,
      ...(malformed === undefined ? {} : { malformed })
    }
  },
  relabel: (trajectory, random) => {
    const goal = things[Math.floor(random() * things.length)] ?? "pen"
    const task = { ...trajectory.task, instruction: instructionOf(goal) }
    if (task.instruction === trajectory.task.instruction) return undefined
    const transitions = trajectory.transitions.map((transition) => ({
      ...transition,
      reward: transition.nextObservation.includes(` ${goal} `) ? 1 : 0
    }))
    const novel = transitions.map((transition) => transition.nextObservation.startsWith("In"))
    return { trajectory: { ...trajectory, id: `${trajectory.id}+`, task, transitions }, novel }
  },
  restate: (task, instruction) =>
    things.some((thing) => instruction === instructionOf(thing))
      ? { ...task, instruction }
      : undefined
}

export const knownWorlds = (environment: string): Knowledge.Knowledge | undefined =>
  environment === "boxes" ? knowledge : undefined

/** Answers each prompt by the script; `batches` holds the prompts of each call. Ids count the words. */
export const scripted = (
  script: (prompt: LanguageModel.Prompt) => string | LanguageModel.LanguageModelError
) => {
  const batches: Array<ReadonlyArray<LanguageModel.Prompt>> = []
  const ids = (text: string) => text.split(/\s+/).map((_, i) => i)
  const model: LanguageModel.Model = {
    name: "script",
    version: Effect.succeed(3),
    generate: Effect.fnUntraced(function* (prompts) {
      batches.push(prompts)
      return yield* Effect.forEach(prompts, (prompt) => {
        const said = script(prompt)
        if (typeof said !== "string") return Effect.fail(said)
        return Effect.succeed({
          text: said,
          finish: "Stop" as const,
          promptIds: ids(prompt.text),
          ids: ids(said),
          logProbabilities: ids(said).map((id) => (id % 2 === 0 ? -1 : -0.5))
        })
      })
    })
  }
  return { batches, model }
}

export const broken = (reason: LanguageModel.LanguageModelError["reason"]) =>
  new LanguageModel.LanguageModelError({ reason, model: "script", message: `${reason}!` })

/** A buffer's read side that answers all queries alike and notes them. */
export const remembering = (found: ReadonlyArray<ReplayBuffer.Demonstration>) =>
  Effect.map(Ref.make<ReadonlyArray<ReplayBuffer.SimilarQuery>>([]), (queries) => ({
    queries: Ref.get(queries),
    retrieval: {
      similar: (query: ReplayBuffer.SimilarQuery) =>
        Effect.as(
          Ref.update(queries, (list) => [...list, query]),
          found.slice(0, query.k)
        )
    }
  }))

export const demonstrationOf = (
  trajectory: Trajectory.Trajectory,
  t: number
): ReplayBuffer.Demonstration => {
  const transition = trajectory.transitions[t]
  if (transition === undefined) throw new Error(`no transition ${t}`)
  return { id: `${trajectory.id}#${t}`, task: trajectory.task, transition, similarity: 1 }
}
