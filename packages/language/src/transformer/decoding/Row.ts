/**
 * A text on its way: its tokens, how many of them the cache has, and what is wanted of it.
 * It runs nothing; which rows go together, and when, is `Batch`'s business.
 */
import { Seed } from "@dreamgym/domain"
import type * as Deferred from "effect/Deferred"
import type { Constraint } from "../../Constraint.ts"
import type { Config } from "../Config.ts"
import { DecodingError } from "./DecodingError.ts"
import * as Sampler from "./Sampler.ts"

/** What is to be said after a text. */
export interface Request {
  /** Alone decides the random numbers, token by token, whatever else is decoded beside. */
  readonly key: number
  /** At least 1. A text also ends where the cache does, then with "Length". */
  readonly maxTokens: number
  /** What is absent is as in `Sampler.plain`. */
  readonly sampling?: Partial<Sampler.Sampling>
  /** Token ids that end the text; they belong to it. */
  readonly stops?: ReadonlyArray<number>
  /** The tree of what may be said; the text ends where it does, and `stops` are not looked at. */
  readonly allowed?: Constraint
  /** Whether the tokens said so far end the text, asked after each. */
  readonly isOver?: (said: ReadonlyArray<number>) => boolean
  /** Whether `choices` are wanted. They cost a run for every token. */
  readonly withChoices?: boolean
}

/**
 * A tokens: `ids` [A] with the log-probability of each under the distribution that was sampled; of
 * tokens that were forced it is 0. `choices` [A][*] are the ids that each was chosen from. `value` is
 * the critic's estimate before the first token. `read` counts the tokens that the network has read for
 * it: what the cache had is not among them.
 */
export interface Generated {
  readonly ids: ReadonlyArray<number>
  readonly logProbabilities: ReadonlyArray<number>
  readonly choices?: ReadonlyArray<ReadonlyArray<number>>
  readonly finish: "Stop" | "Length"
  readonly value?: number
  readonly read: number
}

/** A text; `slot` of the cache has the first `cached` of its ids. */
export interface Row {
  readonly ids: Array<number>
  cached: number
  slot: number | undefined
  /** When it last said something, in texts: the least is forgotten first where slots are short. */
  used: number
  job: Job | undefined
}

/** A request being answered. */
export interface Job {
  readonly row: Row
  readonly request: Request
  readonly sampling: Sampler.Sampling
  /** The length to return to if it fails: what was there before it. */
  readonly start: number
  readonly said: Array<number>
  readonly logProbabilities: Array<number>
  readonly choices: Array<ReadonlyArray<number>>
  readonly done: Deferred.Deferred<Generated, DecodingError>
  constraint: Constraint | undefined
  value: number | undefined
  read: number
}

/** A text of which nothing is cached. */
export const make = (): Row => ({ ids: [], cached: 0, slot: undefined, used: 0, job: undefined })

/** A request for what follows the row's ids, of which those from `start` on are new. */
export const ask = (
  row: Row,
  request: Request,
  start: number,
  done: Deferred.Deferred<Generated, DecodingError>
): Job => ({
  row,
  request,
  start,
  done,
  sampling: { ...Sampler.plain, ...request.sampling },
  said: [],
  logProbabilities: [],
  choices: [],
  constraint: request.allowed,
  value: undefined,
  read: 0
})

/** Keeps the first `length` ids; the cache keeps no more. */
export const truncate = (row: Row, length: number): void => {
  row.ids.length = Math.min(row.ids.length, length)
  row.cached = Math.min(row.cached, row.ids.length)
}

/** How many ids the network has yet to read; the last of them gives the next token. */
export const pending = (row: Row): number => row.ids.length - row.cached

/** How many tokens it may still say. */
export const room = ({ request, row, said }: Job, capacity: number): number =>
  Math.min(request.maxTokens - said.length, capacity - row.ids.length)

/** Whether each of its tokens needs a run of its own. */
export const isStepwise = ({ request }: Job): boolean =>
  request.allowed !== undefined || request.withChoices === true

/** The uniform of its token number `index`: 24 bits, so that as a float32 it stays below 1. */
export const uniform = ({ request }: Job, index: number): number =>
  Math.floor(Seed.generator(Seed.key(request.key, "token", index))() * 2 ** 24) / 2 ** 24

/** Why a request cannot be honoured; undefined where it can. */
export const problemOf = (
  config: Config,
  capacity: number,
  ids: ReadonlyArray<number>,
  request: Request
): DecodingError | undefined => {
  const refuse = (reason: DecodingError["reason"], message: string) =>
    new DecodingError({ reason, message })
  if (ids.length === 0) return refuse("EmptyPrompt", "the prompt has no token; give at least one")
  if (ids.length >= capacity)
    return refuse(
      "TooLong",
      `the prompt has ${ids.length} tokens, but the cache holds ${capacity} per text, ` +
        "one of them for the answer; shorten it or make the decoding with a larger capacity"
    )
  const { allowed, maxTokens, sampling = {}, stops = [] } = request
  const size = config.vocabularySize
  const isKnown = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < size
  const foreign = [...ids, ...stops].find((id) => !isKnown(id))
  if (foreign !== undefined)
    return refuse("UnknownToken", `token id ${foreign} is not in the vocabulary of ${size}`)
  if (!(Number.isSafeInteger(maxTokens) && maxTokens > 0))
    return refuse("BadSampling", `maxTokens ${maxTokens} is no count above 0`)
  const problem = Sampler.problemOf({ ...Sampler.plain, ...sampling })
  if (problem !== undefined) return refuse("BadSampling", problem)
  return allowed === undefined ? undefined : problemOfTree(allowed, isKnown)
}

const problemOfTree = (tree: Constraint, isKnown: (id: number) => boolean) => {
  if (tree.next.size === 0)
    return new DecodingError({
      reason: "NothingAllowed",
      message: "the tree of allowed texts is empty; allow at least one"
    })
  const foreign = foreignIn(tree, isKnown)
  return foreign === undefined
    ? undefined
    : new DecodingError({
        reason: "UnknownToken",
        message: `the allowed token id ${foreign} is not in the vocabulary`
      })
}

const foreignIn = (tree: Constraint, isKnown: (id: number) => boolean): number | undefined => {
  for (const [id, next] of tree.next) {
    const found = isKnown(id) ? foreignIn(next, isKnown) : id
    if (found !== undefined) return found
  }
  return undefined
}

/** Adds a token; tells how the text ends if it does so with it. */
export const push = (
  job: Job,
  token: { readonly id: number; readonly logProbability: number },
  choices: ReadonlyArray<number>,
  capacity: number
): Generated["finish"] | undefined => {
  const { choices: all, logProbabilities, row, said } = job
  row.ids.push(token.id)
  said.push(token.id)
  logProbabilities.push(token.logProbability)
  all.push(choices)
  job.constraint = job.constraint?.next.get(token.id)
  if (isEnd(job, token.id)) return "Stop"
  return room(job, capacity) > 0 ? undefined : "Length"
}

const isEnd = ({ constraint, request, said }: Job, id: number): boolean =>
  (request.allowed === undefined
    ? request.stops?.includes(id) === true
    : constraint === undefined || constraint.next.size === 0) || request.isOver?.(said) === true

/** Says the tokens that leave no choice, without the network; tells how the text ends if it does. */
export const pushForced = (job: Job, capacity: number): Generated["finish"] | undefined => {
  while (job.constraint?.next.size === 1) {
    const [id = 0] = job.constraint.next.keys()
    const finish = push(job, { id, logProbability: 0 }, [id], capacity)
    if (finish !== undefined) return finish
  }
  return undefined
}

/** The answer. */
export const generated = (job: Job, finish: Generated["finish"]): Generated => ({
  ids: job.said,
  logProbabilities: job.logProbabilities,
  finish,
  read: job.read,
  ...(isStepwise(job) ? { choices: job.choices } : {}),
  ...(job.value === undefined ? {} : { value: job.value })
})
