/**
 * The task generator (paper, Eq. 6): the language model of the experience model writes variations of seed tasks.
 * The house is kept, the task is new; it proposes, and `Knowledge.restate` says what is possible. It judges no difficulty.
 */
import { Curriculum, type Knowledge, LanguageModel, Seed, type Task } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as DreamTask from "./DreamTask.ts"
import * as Format from "./Format.ts"

/**
 * Why a reply became no task. NotDreamable: its seed is no dream task, so its house is unknown. Malformed: not one instruction.
 * Impossible: refused by `Knowledge.restate`. Duplicate: a seed, or written before.
 */
export type Drop = "NotDreamable" | "Malformed" | "Impossible" | "Duplicate"

/**
 * `knowledge` of a real environment, if any; without it every well-formed instruction is taken. `oversample` (default 2): replies
 * asked for per wanted variation. `temperature` 1, `minP` 0.03, `maxTokens` 32 unless told otherwise.
 */
export interface Options {
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly oversample?: number
  readonly temperature?: number
  readonly minP?: number
  readonly maxTokens?: number
}

/** `counts`: tasks kept, and replies dropped by reason, since the start. */
export interface Counts extends Readonly<Record<Drop, number>> {
  readonly kept: number
}

/**
 * Variations of dream tasks (`DreamTask`), seed by seed: at most `perSeed` of each, different from all seeds and from each other.
 * A new task has the id that `Knowledge.restate` gave it, else one that follows from its house and instruction. Fails with `NoSeedTasks` where no seed can be dreamt.
 */
export const make = Effect.fnUntraced(function* (model: LanguageModel.Model, options: Options) {
  const counts = yield* Ref.make<Counts>(none)
  const variations: Curriculum.TaskGenerator["Service"]["variations"] = (seeds, request) =>
    Stream.unwrap(Effect.map(planOf(seeds, options, counts), (plan) => variationsOf(plan, request)))
  const variationsOf = (plan: Plan, request: { readonly perSeed: number; readonly key: number }) =>
    Stream.fromIterable(plan.seeds).pipe(
      Stream.zipWithIndex,
      Stream.mapEffect(([seed, place]) =>
        Effect.flatMap(replies(model, options, seed, { ...request, place }), (texts) =>
          keep(texts, { options, seed, perSeed: request.perSeed, known: plan.known, counts })
        )
      ),
      Stream.flattenIterable
    )
  return { generator: Curriculum.TaskGenerator.of({ variations }), counts: Ref.get(counts) }
})

export const layer = (
  options: Options
): Layer.Layer<Curriculum.TaskGenerator, never, LanguageModel.LanguageModel> =>
  Layer.effect(
    Curriculum.TaskGenerator,
    LanguageModel.LanguageModel.use((model) =>
      Effect.map(make(model, options), ({ generator }) => generator)
    )
  )

const none: Counts = { kept: 0, NotDreamable: 0, Malformed: 0, Impossible: 0, Duplicate: 0 }

interface Seedling {
  readonly task: Task.Task
  readonly payload: DreamTask.DreamPayload
  readonly house: string
}

/** `known` holds the fingerprints of the seeds and of everything written so far. */
interface Plan {
  readonly seeds: ReadonlyArray<Seedling>
  readonly known: Set<string>
}

const planOf = Effect.fnUntraced(function* (
  tasks: ReadonlyArray<Task.Task>,
  options: Options,
  counts: Ref.Ref<Counts>
): Effect.fn.Return<Plan, Curriculum.TaskGeneratorError> {
  const seeds = tasks.flatMap((task) =>
    Option.match(DreamTask.payloadOf(task), {
      onNone: () => [],
      onSome: (payload): ReadonlyArray<Seedling> => {
        const house = Format.houseText(payload.observation, task.instruction)
        return [{ task, payload, house }]
      }
    })
  )
  yield* count(counts, "NotDreamable", tasks.length - seeds.length)
  if (seeds.length === 0) return yield* noSeedTasks(tasks.length)
  const known = seeds.flatMap((seed) =>
    namesOf(seed, options).map((instruction) => fingerprintOf(seed, instruction))
  )
  return { seeds, known: new Set(known) }
})

const replies = (
  model: LanguageModel.Model,
  options: Options,
  seed: Seedling,
  request: { readonly perSeed: number; readonly key: number; readonly place: number }
) => {
  const { house, payload, task } = seed
  const isKnown = options.knowledge(payload.of.environment) !== undefined
  const text = isKnown ? Format.taskPrompt(house) : Format.plainTaskPrompt(house, task.instruction)
  const wanted = Math.ceil(request.perSeed * (options.oversample ?? 2))
  const prompts = Array.from({ length: wanted }, (_, i) => ({
    text,
    key: Seed.key(request.key, "variation", request.place, i),
    maxTokens: options.maxTokens ?? 32,
    temperature: options.temperature ?? 1,
    minP: options.minP ?? 0.03,
    stop: [Format.tags.act]
  }))
  return Effect.mapBoth(model.generate(prompts), {
    onSuccess: (completions) => completions.map((completion) => completion.text),
    onFailure: unavailable
  })
}

interface Keeping {
  readonly options: Options
  readonly seed: Seedling
  readonly perSeed: number
  readonly known: Set<string>
  readonly counts: Ref.Ref<Counts>
}

/** Replies beyond the wanted number are not looked at, hence not counted. */
const keep = Effect.fnUntraced(function* (texts: ReadonlyArray<string>, keeping: Keeping) {
  const kept: Array<Task.Task> = []
  for (const text of texts) {
    if (kept.length === keeping.perSeed) break
    const made = taskFrom(text, keeping)
    yield* count(keeping.counts, Result.isFailure(made) ? made.failure : "kept", 1)
    if (Result.isSuccess(made)) kept.push(made.success)
  }
  return kept
})

const taskFrom = (
  text: string,
  { known, options, seed }: Keeping
): Result.Result<Task.Task, Drop> => {
  const instruction = Format.parseTaskReply(text)
  if (Result.isFailure(instruction)) return Result.fail("Malformed")
  const { of } = seed.payload
  const knowledge = options.knowledge(of.environment)
  const restated =
    knowledge === undefined
      ? { ...of, instruction: instruction.success }
      : knowledge.restate(of, instruction.success)
  if (restated === undefined) return Result.fail("Impossible")
  const fingerprint = fingerprintOf(seed, restated.instruction)
  if (known.has(fingerprint)) return Result.fail("Duplicate")
  known.add(fingerprint)
  const id = restated.id === of.id ? fingerprint : restated.id
  return Result.succeed(dreamOf(seed, { ...restated, id }))
}

const dreamOf = ({ payload, task }: Seedling, restated: Task.Task): Task.Task => {
  const generation = task.origin._tag === "Generated" ? task.origin.generation + 1 : 1
  const origin: Task.Task["origin"] = { _tag: "Generated", parentId: task.id, generation }
  const observation = Format.retell(
    payload.observation,
    payload.of.instruction,
    restated.instruction
  )
  return DreamTask.dreamTask({ ...restated, origin }, observation, task.environment)
}

/** A seed's instruction in its own words, and in the words that its world prefers. */
const namesOf = ({ payload: { of } }: Seedling, options: Options): ReadonlyArray<string> => {
  const restated = options.knowledge(of.environment)?.restate(of, of.instruction)
  return restated === undefined ? [of.instruction] : [of.instruction, restated.instruction]
}

/** 64 bits of the house and the instruction: the same task written twice, ever, has one fingerprint. */
const fingerprintOf = ({ house, payload }: Seedling, instruction: string): string => {
  const text = `${payload.of.environment}\n${house}\n${Format.harmless(instruction).toLowerCase()}`
  const half = (seed: number) => Seed.key(seed, text).toString(36).padStart(7, "0")
  return `generated-${half(1)}${half(2)}`
}

const count = (counts: Ref.Ref<Counts>, what: keyof Counts, by: number) =>
  Ref.update(counts, (before): Counts => ({ ...before, [what]: before[what] + by }))

const noSeedTasks = (offered: number) =>
  new Curriculum.TaskGeneratorError({
    reason: "NoSeedTasks",
    message: `none of the ${offered} seed tasks is a dream task with its first observation; make seeds with dreamTask`
  })

const unavailable = (cause: LanguageModel.LanguageModelError) =>
  new Curriculum.TaskGeneratorError({
    reason: "Unavailable",
    message: `${cause.model} wrote no tasks (${cause.reason}): ${cause.message}`,
    cause
  })
