/**
 * The environment that is dreamt: similar experience is looked up, the experience model answers, the episode goes on (paper, Eq. 4).
 * A policy cannot tell it from a real one; whether it tells the truth is measured elsewhere (`Fidelity`, `Calibration`).
 */
import {
  Ending,
  Environment,
  ExperienceModel,
  History,
  type Knowledge,
  type ReplayBuffer,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Demonstrations from "./Demonstrations.ts"
import { defaultName, DreamPayload } from "./DreamTask.ts"

export { dreamTask } from "./DreamTask.ts"

/**
 * The random key of the dreams that start under it; provide another one per iteration, so that a task is dreamt anew and a
 * resumed run dreams what the unbroken one would have dreamt.
 */
export const DreamKey = Context.Reference<Seed.Key>("@dreamgym/experience/DreamKey", {
  defaultValue: () => 0
})

/**
 * `sameTask`: dreams of one task under one `DreamKey` are one repeatable world ("SameWorld", default: the same actions bring the
 * same answers, as in a real environment), or each has its own ("OwnWorld": the n-th start has the n-th world).
 * `retries`: how often an `Unavailable` model is asked again, and the first pause, which doubles; in lock-step all wait for it.
 * `dollarsPerToken`: price of a token, 0 for a model of our own. `knowledge` is the real world's: it gives the admissible actions.
 */
export interface Options {
  readonly name?: string
  readonly knowledge?: Knowledge.Knowledge
  readonly demonstrations?: Demonstrations.Options
  readonly sameTask?: "SameWorld" | "OwnWorld"
  readonly retries?: { readonly times: number; readonly pause: Duration.Input }
  readonly dollarsPerToken?: number
}

/** What all dreams together have used: answered predictions and their tokens, retries, and faults by reason. */
export interface Usage {
  readonly predictions: number
  readonly tokens: number
  readonly retries: number
  readonly faults: Readonly<Record<ExperienceModel.PredictionError["reason"], number>>
}

/** `environment` goes into the registry; `usage` may be read at any time. */
export interface SyntheticEnvironment {
  readonly environment: Environment.Environment
  readonly usage: Effect.Effect<Usage>
}

/**
 * A prediction that fails ends its episode as `Failed` with an empty observation and no reward: `Malformed` as Parse,
 * `Unavailable` as ExperienceModel, `Timeout` as Timeout. A step after the end, or after the scope, fails as `Closed`.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<SyntheticEnvironment, never, ExperienceModel.ExperienceModel> {
  const model = yield* ExperienceModel.ExperienceModel
  const usage = yield* Ref.make<Usage>(unused)
  const name = options.name ?? defaultName
  const nextWorld = worlds(options.sameTask ?? "SameWorld")
  const dream: Dream = { name, options, model, usage }
  const start = Effect.fnUntraced(function* (task: Task.Task) {
    const payload = yield* decodePayload(name, task)
    const key = nextWorld(yield* DreamKey, task)
    return yield* episode(dream, payload, key)
  })
  const version = `${model.name}@${yield* model.version}`
  const known = options.knowledge === undefined ? {} : { knowledge: options.knowledge }
  return { environment: { name, version, start, ...known }, usage: Ref.get(usage) }
})

interface Dream {
  readonly name: string
  readonly options: Options
  readonly model: ExperienceModel.ExperienceModel["Service"]
  readonly usage: Ref.Ref<Usage>
}

const unused: Usage = {
  predictions: 0,
  tokens: 0,
  retries: 0,
  faults: { Malformed: 0, Unavailable: 0, Timeout: 0 }
}

const decodePayload = (name: string, task: Task.Task) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(DreamPayload)(task.payload),
    (cause) =>
      new Environment.EnvironmentError({
        reason: "BadTask",
        environment: name,
        message: `task "${task.id}" cannot be dreamt: its payload is not { of, observation } (${cause.message}); make it with dreamTask`,
        cause
      })
  )

/** The key of each dream. Counts belong to one `DreamKey`: under the next they begin again, so a resumed run needs none of them. */
const worlds = (sameTask: "SameWorld" | "OwnWorld") => {
  let current: Seed.Key | undefined
  const started = new Map<string, number>()
  return (dreamKey: Seed.Key, task: Task.Task): Seed.Key => {
    if (sameTask === "SameWorld") return Seed.key(dreamKey, task.id, task.seed)
    if (current !== dreamKey) started.clear()
    current = dreamKey
    const index = started.get(task.id) ?? 0
    started.set(task.id, index + 1)
    return Seed.key(dreamKey, task.id, task.seed, index)
  }
}

interface Progress {
  history: History.History
  key: Seed.Key
  isClosed: boolean
}

const episode = Effect.fnUntraced(function* (dream: Dream, payload: DreamPayload, key: Seed.Key) {
  const { knowledge } = dream.options
  const history = History.start(payload.observation)
  const progress: Progress = { history, key, isClosed: false }
  yield* Effect.addFinalizer(() => Effect.sync(() => (progress.isClosed = true)))
  const made: Environment.Episode = {
    observation: payload.observation,
    step: (action) => step(dream, payload.of, progress, action)
  }
  if (knowledge === undefined) return made
  const admissible = Effect.sync(() => knowledge.describe(payload.of, progress.history).admissible)
  return { ...made, admissible }
})

const step = Effect.fnUntraced(function* (
  dream: Dream,
  task: Task.Task,
  progress: Progress,
  action: Trajectory.Action
): Effect.fn.Return<Environment.Step, Environment.EnvironmentError> {
  if (progress.isClosed) return yield* closed(dream.name, task)
  const { history } = progress
  const { knowledge } = dream.options
  const situation = { task, history, action: action.text, knowledge }
  const demonstrations = yield* Effect.mapError(
    Demonstrations.find(dream.options.demonstrations, situation),
    (error) => retrievalFault(dream.name, error)
  )
  // The key follows the actions alone, so the same actions meet the same answers.
  const key = Seed.key(progress.key, action.text)
  const request = { task, history, action: action.text, demonstrations, key }
  const modelVersion = yield* dream.model.version
  const answered = yield* answer(dream, request)
  progress.key = key
  progress.isClosed = answered.ending !== undefined
  progress.history = History.append(history, action.text, answered.observation)
  const { observation, reward } = answered
  const ended = answered.ending === undefined ? {} : { ending: answered.ending }
  const retrieved = demonstrations.map((demonstration) => demonstration.id)
  const source = { model: dream.model.name, modelVersion, retrieved }
  return { observation, reward, provenance: provenanceOf(dream, source, answered), ...ended }
})

const provenanceOf = (
  dream: Dream,
  source: { readonly model: string; readonly modelVersion: number; readonly retrieved: string[] },
  prediction: ExperienceModel.Prediction
): Trajectory.Provenance => ({
  _tag: "Synthetic",
  ...source,
  reasoning: prediction.reasoning,
  scores: prediction.scores,
  cost: prediction.tokens * (dream.options.dollarsPerToken ?? 0),
  ...promptOf(prediction)
})

const promptOf = ({ promptHash, promptTokens, tokens }: ExperienceModel.Prediction) => ({
  ...(promptHash === undefined ? {} : { promptHash }),
  ...(promptTokens === undefined
    ? {}
    : { tokens: { prompt: promptTokens, completion: tokens - promptTokens } })
})

/** The model's answer, asked again as often as allowed; a fault becomes the end of the episode and is counted. */
const answer = (
  { model, options, usage }: Dream,
  request: ExperienceModel.PredictionRequest
): Effect.Effect<ExperienceModel.Prediction> =>
  asked(model, options, usage, request).pipe(
    Effect.tap((prediction) =>
      Ref.update(usage, (used) => ({
        ...used,
        predictions: used.predictions + 1,
        tokens: used.tokens + prediction.tokens
      }))
    ),
    Effect.catch((error) =>
      Effect.as(
        Ref.update(usage, (used) => ({
          ...used,
          faults: { ...used.faults, [error.reason]: used.faults[error.reason] + 1 }
        })),
        endOf(error)
      )
    )
  )

const asked = (
  model: Dream["model"],
  options: Options,
  usage: Ref.Ref<Usage>,
  request: ExperienceModel.PredictionRequest
): Effect.Effect<ExperienceModel.Prediction, ExperienceModel.PredictionError> =>
  Effect.suspend(() => {
    const { retries } = options
    if (retries === undefined) return model.predict(request)
    const again = Ref.update(usage, (used) => ({ ...used, retries: used.retries + 1 }))
    let asks = 0
    const ask = Effect.suspend(() =>
      asks++ === 0 ? model.predict(request) : Effect.andThen(again, model.predict(request))
    )
    return Effect.retry(ask, {
      times: retries.times,
      schedule: Schedule.exponential(retries.pause),
      while: (error) => error.reason === "Unavailable"
    })
  })

const faults: Record<ExperienceModel.PredictionError["reason"], Ending.Fault> = {
  Malformed: "Parse",
  Unavailable: "ExperienceModel",
  Timeout: "Timeout"
}

const endOf = (error: ExperienceModel.PredictionError): ExperienceModel.Prediction => ({
  reasoning: "",
  observation: "",
  reward: 0,
  ending: Ending.failed(faults[error.reason], error.message),
  tokens: 0,
  scores: {}
})

const closed = (name: string, task: Task.Task) =>
  new Environment.EnvironmentError({
    reason: "Closed",
    environment: name,
    message: `the dream of task "${task.id}" is over; start another episode`
  })

const retrievalFault = (name: string, cause: ReplayBuffer.ReplayBufferError) =>
  new Environment.EnvironmentError({
    reason: cause.reason === "Io" ? "Unavailable" : "BadData",
    environment: name,
    message: `similar experience could not be looked up (${cause.reason}): ${cause.message}`,
    cause
  })
