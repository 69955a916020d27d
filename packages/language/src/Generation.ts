/**
 * What one row of a batch has generated so far: which token may come next, which came, and when it
 * ends.
 * It knows nothing of networks, nor of words; `ShardProgram` brings the logits.
 */
import * as Seed from "@dreamgym/domain/Seed"
import type { Brief } from "./Brief.ts"
import { type Constraint, forcedTail, fromSequences } from "./Constraint.ts"
import { sample, type SamplingOptions } from "./Sampling.ts"
import { specialWords } from "./SpecialWords.ts"

/**
 * `choices` holds the ids that each token was chosen from where the brief is constrained, else
 * nothing.
 */
export interface Generation {
  readonly brief: Brief
  readonly ids: Array<number>
  readonly logProbabilities: Array<number>
  readonly choices: Array<ReadonlyArray<number>>
  readonly random: () => number
  /** What may not be said now: `forbidden`, and what of `once` was said since the last special word. */
  readonly banned: Set<number>
  readonly forbidden: ReadonlySet<number>
  readonly once: ReadonlySet<number>
  readonly stop: ReadonlySet<number>
  constraint: Constraint | undefined
  finish: "Stop" | "Length" | "Broken" | undefined
  value: number | undefined
}

/** A row before its first token. */
export const start = (brief: Brief): Generation => {
  const { allowed, endId, forbidden, key, once, stop } = brief
  return {
    brief,
    ids: [],
    logProbabilities: [],
    choices: [],
    random: Seed.generator(key),
    banned: new Set(forbidden),
    forbidden: new Set(forbidden),
    once: new Set(once),
    stop: new Set(stop),
    constraint: allowed && fromSequences(allowed, endId),
    finish: undefined,
    value: undefined
  }
}

/** Takes the next token from V logits at `offset`; `finish` tells whether more are wanted. */
export const advance = (
  generation: Generation,
  logits: Float32Array,
  offset: number,
  size: number
): void => {
  const { constraint, random } = generation
  const allowed = constraint && [...constraint.next.keys()]
  const [only, ...others] = allowed ?? []
  if (only !== undefined && others.length === 0) push(generation, only, 0, [only])
  else {
    const chosen = sample(logits, offset, size, optionsOf(generation, allowed), random)
    if (chosen === undefined) {
      generation.finish = "Broken"
      return
    }
    push(generation, chosen.id, chosen.logProbability, chosen.choices)
  }
  settle(generation)
}

const optionsOf = (
  { banned, brief }: Generation,
  allowed: ReadonlyArray<number> | undefined
): SamplingOptions => ({
  temperature: brief.temperature,
  minP: brief.minP,
  // The tree holds only what may be said.
  banned: allowed === undefined ? banned : nothing,
  withChoices: brief.isConstrained,
  ...(allowed && { allowed })
})

const nothing: ReadonlySet<number> = new Set()

const push = (
  generation: Generation,
  id: number,
  logProbability: number,
  choices: ReadonlyArray<number>
): void => {
  generation.ids.push(id)
  generation.logProbabilities.push(logProbability)
  generation.choices.push(choices)
  generation.constraint = generation.constraint?.next.get(id)
  if (generation.once.has(id)) generation.banned.add(id)
  if (id < specialWords.length) forget(generation)
}

/** Behind a special word another part begins: the observation may list what the reasoning has named. */
const forget = ({ banned, forbidden, once }: Generation): void => {
  for (const id of once) if (!forbidden.has(id)) banned.delete(id)
}

/**
 * Ends at a stop word, at the end of the tree (taking the forced rest without asking the network),
 * or at the limit.
 */
const settle = (generation: Generation): void => {
  const { brief, ids, stop } = generation
  const tail = generation.constraint && forcedTail(generation.constraint)
  const room = brief.maxTokens - ids.length
  for (const forced of (tail ?? []).slice(0, room)) push(generation, forced, 0, [forced])
  if (tail !== undefined && tail.length <= room) generation.finish = "Stop"
  else if (stop.has(ids.at(-1) ?? -1)) generation.finish = "Stop"
  else if (ids.length >= brief.maxTokens) generation.finish = "Length"
}
