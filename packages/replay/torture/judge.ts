/**
 * Judges the database that a killed writer left: every acknowledged trajectory is there and whole, nothing is there twice, and the
 * database opens. It finds; what a finding means to a reader is said in `replay.ts` or a test.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { copyFileSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import type { Trajectory } from "@dreamgym/domain"
import * as Store from "../src/store/Store.ts"
import {
  dreamQuota,
  importSize,
  inheritance,
  isDream,
  quotasOf,
  space,
  trajectoryOf,
  vectorsOf,
  type Work
} from "./world.ts"

/**
 * What the writers of a file said: the numbers of trajectories that were added and of those that have vectors; `snapshot`: the last
 * one's version, size and newest trajectory; `imported`: the first number of the last import, and how many there were.
 */
export interface Word {
  readonly added: ReadonlySet<number>
  readonly embedded: ReadonlySet<number>
  readonly snapshot: ReadonlyArray<number> | undefined
  readonly imported: number | undefined
  readonly imports: number
}

interface Look {
  readonly list: ReadonlyArray<Trajectory.Trajectory>
  readonly unsound: ReadonlyArray<string>
  readonly vectors: ReadonlyMap<number, Float32Array>
}

/** `findings` are sentences, one for each thing that is wrong. `openMs`: to open, read whole and check it. */
export interface Judgement {
  readonly kept: number
  readonly openMs: number
  readonly findings: ReadonlyArray<string>
}

export const judged = Effect.fn("Torture.judged")(function* (file: string, work: Work, word: Word) {
  const [took, opened] = yield* Effect.timed(Effect.result(looked(file, work)))
  const openMs = Duration.toMillis(took)
  if (Result.isFailure(opened)) {
    const broken: Judgement = { kept: 0, openMs, findings: [String(opened.failure)] }
    return broken
  }
  const look = opened.success
  const { list, unsound } = look
  const kept = new Set(list.map(({ id }) => Number(id)))
  const findings = [
    ...unsound,
    ...(kept.size === list.length ? [] : ["a trajectory is there twice"]),
    ...missing[work](kept, word),
    ...list
      .filter((one) => !isDeepStrictEqual(one, trajectoryOf(Number(one.id))))
      .map(({ id }) => `trajectory ${id} is not what it was`),
    ...strangeVectors(look, word),
    ...(yield* strange(file, work, word.snapshot))
  ]
  const judgement: Judgement = { kept: list.length, openMs, findings }
  return judgement
})

/** Opens the database as a run would that goes on. */
const looked = (file: string, work: Work, version?: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* Store.open({ file, quotas: quotasOf(work) }, () => undefined)
      if (version !== undefined) yield* store.restore(version)
      const unsound = yield* store.verify
      const list = (yield* store.read(store.entries())) ?? []
      const idOf = new Map(store.entries().map(({ id, seq }) => [seq, Number(id)]))
      const vectors = new Map<number, Float32Array>()
      const page: Parameters<NonNullable<typeof store.vectors>["read"]>[1] = (some) =>
        Effect.sync(() => some.forEach((one) => vectors.set(idOf.get(one.seq) ?? -1, one.vectors)))
      yield* store.vectors?.read(space, page) ?? Effect.void
      const look: Look = { list, unsound, vectors }
      return look
    })
  )

type Missing = (kept: ReadonlySet<number>, word: Word) => ReadonlyArray<string>

const none: Missing = (kept, { added }) =>
  [...added].filter((n) => !kept.has(n)).map((n) => `trajectory ${n} was acknowledged and is gone`)

/** Dreams may have gone for newer ones, down to the quota; nothing else. */
const oldDreams: Missing = (kept, word) => {
  const dreams = [...kept].filter(isDream)
  const oldest = dreams.length < dreamQuota ? 0 : Math.min(...dreams)
  const added = [...word.added].filter((n) => !isDream(n) || n > oldest)
  return none(kept, { ...word, added: new Set(added) })
}

const overQuota: Missing = (kept, word) => {
  const dreams = [...kept].filter(isDream).length
  const excess = `there are ${dreams} dreams, ${dreamQuota} may be`
  return [...(dreams > dreamQuota ? [excess] : []), ...oldDreams(kept, word)]
}

const inherited: Missing = (kept, word) =>
  none(kept, {
    ...word,
    added: new Set([...Array.from({ length: inheritance }, (_, n) => n), ...word.added])
  })

/** All of one import and nothing of another: the last that was acknowledged, or one after it. */
const mixed: Missing = (kept, { imported = 0 }) => {
  const [least, greatest] = [Math.min(...kept), Math.max(...kept)]
  const isOne = kept.size === importSize && greatest - least === importSize - 1
  return (kept.size === 0 && imported === 0) || (isOne && least >= imported)
    ? []
    : [`there are ${kept.size} from ${least} to ${greatest}, after an import from ${imported} on`]
}

const missing: Readonly<Record<Work, Missing>> = {
  bulk: none,
  single: none,
  eviction: overQuota,
  snapshot: none,
  migration: inherited,
  import: mixed,
  prune: oldDreams,
  vectors: none
}

const strangeVectors = ({ vectors }: Look, { embedded }: Word): ReadonlyArray<string> => [
  ...[...embedded]
    .filter((n) => !vectors.has(n))
    .map((n) => `the vectors of trajectory ${n} were acknowledged and are gone`),
  ...[...vectors]
    .filter(([n, found]) => !isDeepStrictEqual(found, vectorsOf(n)))
    .map(([n]) => `the vectors of trajectory ${n} are not what they were`)
]

/** What an acknowledged snapshot brings back in a copy must be what was there when it was taken. */
const strange = Effect.fnUntraced(function* (file: string, work: Work, snapshot: Word["snapshot"]) {
  const [version, count, newest] = snapshot ?? []
  if (version === undefined) return []
  const copy = `${file}-copy`
  copyFileSync(file, copy)
  const { list, unsound } = yield* looked(copy, work, version)
  const isSame = list.length === count && Number(list.at(-1)?.id) === newest
  return [
    ...unsound,
    ...(isSame ? [] : [`snapshot ${version} was of ${count} trajectories, it is of ${list.length}`])
  ]
})
