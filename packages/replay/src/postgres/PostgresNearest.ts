/**
 * The transitions nearest to a question by cosine, found by pgvector with the filters of the contract, many questions in one statement.
 * pgvector compares in 32 bits: it chooses a few more than are wanted, which are compared again in 64, as in memory.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Near, Space } from "../Kept.ts"
import { clamp, lengthOf, product } from "../retrieval/Cosine.ts"
import * as Nearest from "../retrieval/Nearest.ts"
import * as Sequence from "../retrieval/Sequence.ts"
import type * as VectorIndex from "../retrieval/VectorIndex.ts"
import { written } from "../WellFormed.ts"
import type { Hnsw } from "./PostgresExtension.ts"
import { isMissingTable } from "./PostgresFailure.ts"
import * as PostgresRow from "./PostgresRow.ts"
import { checked } from "./PostgresServer.ts"
import { nameOf, scaled, sent, type Spaces, tableOf, vectorIn } from "./PostgresSpaces.ts"

type Failed = ReplayBuffer.ReplayBufferError
type Queries = ReadonlyArray<VectorIndex.Query>
type Answers = ReadonlyArray<ReadonlyArray<Near>>

/**
 * One list per query, as `VectorIndex.search` orders them; undefined where the table of the space is gone. With `hnsw` the graph is
 * asked first, and every vector is looked at for those questions that it answers with fewer than k.
 */
export const nearest = Effect.fn("PostgresNearest.nearest")(function* (
  spaces: Spaces,
  space: Space,
  queries: Queries
): Effect.fn.Return<Answers | undefined, Failed> {
  const id = spaces.known.get(nameOf(space))
  if (id === undefined || queries.length === 0) return queries.map(() => [])
  const { hnsw } = spaces.extension
  const asked =
    hnsw === undefined
      ? exactly(spaces, space, id, queries)
      : nearly(spaces, space, id, queries, hnsw)
  const isGone = Effect.catchIf(asked, isMissingTable, () => Effect.succeed(undefined))
  const found = yield* spaces.held.server.told(isGone)
  if (found === undefined) spaces.known.delete(nameOf(space))
  return found
})

const exactly = (spaces: Spaces, space: Space, id: number, queries: Queries) =>
  Effect.flatMap(ask(spaces, space, id, queries, byCosine), (rows) =>
    checked(spaces.held.server.name, () => answersOf(queries, rows))
  )

const nearly = Effect.fnUntraced(function* (
  spaces: Spaces,
  space: Space,
  id: number,
  queries: Queries,
  { efSearch }: Required<Hnsw>
): Effect.fn.Return<Answers, Failed | SqlError> {
  const { atOnce, name, ask: set } = spaces.held.server
  const rows = yield* atOnce(
    Effect.andThen(
      set(
        `select set_config('hnsw.ef_search', $1, true),
        set_config('hnsw.iterative_scan', 'strict_order', true)`,
        [PostgresRow.text(String(efSearch))]
      ),
      ask(spaces, space, id, queries, byGraph)
    )
  )
  const lists = yield* checked(name, () => answersOf(queries, rows))
  const isShort = (query: VectorIndex.Query, i: number) => (lists[i]?.length ?? 0) < query.k
  const again = queries.filter(isShort)
  if (again.length === 0) return lists
  const whole = yield* exactly(spaces, space, id, again)
  let at = 0
  return queries.map((query, i) => (isShort(query, i) ? (whole[at++] ?? []) : (lists[i] ?? [])))
})

/** What 32 bits may put into another order is among so many more than are wanted. */
const spare = 16

const questionColumns = {
  is_real: "bigint",
  environment: "text",
  task: "text",
  excluded: "text",
  least_quality: "double precision",
  least_version: "double precision"
} as const

type Question = Readonly<Record<string, string | number | null>>

const questionOf = (query: VectorIndex.Query) => ({
  is_real: query.source === undefined ? null : Number(query.source === "Real"),
  environment: textOrNull(query.environment),
  task: textOrNull(query.task),
  excluded: textOrNull(query.excludeTrajectory),
  least_quality: query.leastQuality ?? null,
  least_version: query.leastVersion ?? null
})

const textOrNull = (text: string | undefined): string | null =>
  text === undefined ? null : written(text)

/** What a question that names a column of its filter asks. */
const filters: Readonly<Record<keyof typeof questionColumns, string>> = {
  is_real: "v.is_real = (q.is_real = 1)",
  environment: "t.environment = q.environment",
  task: "t.task_id = q.task",
  excluded: "t.id <> q.excluded",
  least_quality: "t.quality >= q.least_quality",
  least_version: "t.policy_version >= q.least_version"
}

/** Only what is named is said, so that the server sees how much passes. */
const conditions = (questions: ReadonlyArray<Question>): string =>
  Object.entries(filters)
    .map(([column, condition]) => {
      const named = questions.filter((one) => one[column] !== null).length
      if (named === questions.length) return ` and ${condition}`
      return named === 0 ? "" : ` and (q.${column} is null or ${condition})`
    })
    .join("")

/** What is nearest first, from the operator of distance. */
type Order = (distance: string) => string

/** An empty vector is as far from all others as one at a right angle; pgvector says NaN. */
const byCosine: Order = (distance) =>
  `coalesce(nullif(${distance}, 'NaN'), 1), v.is_real desc, v.trajectory, v.idx`

/** An index answers this order and no other. */
const byGraph: Order = (distance) => distance

/** All in one statement, each with as many as the one that wants most. */
const ask = (spaces: Spaces, { dimension }: Space, id: number, queries: Queries, order: Order) => {
  const { schema } = spaces.extension
  const { server } = spaces.held
  const questions = queries.map(questionOf)
  const columns = Object.keys(questionColumns).join(", ")
  const count = Math.min(2 ** 31, Math.max(...queries.map(({ k }) => k))) + spare
  const part = `(u.n - 1)::int * ${dimension} + 1 : u.n::int * ${dimension}`
  return server.ask(
    `select q.n, v.trajectory, v.idx, v.is_real, ${sent(spaces)} as vector from (
      select u.*, (($1::real[])[${part}])::${schema}.vector(${dimension}) as vector
      from unnest(${PostgresRow.arrays(questionColumns, 2)}) with ordinality as u (${columns}, n)
    ) q cross join lateral (
      select v.* from ${tableOf(spaces, id)} v
      join ${server.schema}.trajectory t on t.seq = v.trajectory
      where t.gone is null and t.shelf <> 'rejected'${conditions(questions)}
      order by ${order(`v.vector operator(${schema}.<=>) q.vector`)} limit ${count}
    ) v`,
    [
      PostgresRow.floats(queries.flatMap(({ vector }) => scaled(vector, dimension))),
      ...PostgresRow.lists(questionColumns, questions)
    ]
  )
}

const answersOf = (queries: Queries, rows: ReadonlyArray<PostgresRow.Answer>): Answers => {
  const byQuestion = Map.groupBy(rows, (row) => PostgresRow.numberIn(row, "n"))
  return queries.map((query, i) => ranked(query, byQuestion.get(i + 1) ?? []))
}

const ranked = (
  { k, vector }: VectorIndex.Query,
  rows: ReadonlyArray<PostgresRow.Answer>
): ReadonlyArray<Near> => {
  const best = Nearest.make(k)
  const norm = lengthOf(vector)
  for (const [slot, row] of rows.entries()) {
    const other = vectorIn(row)
    const dot = product(vector, other, 0, vector.length)
    best.offer({
      slot,
      similarity: dot === 0 ? 0 : clamp(dot / (norm * lengthOf(other))),
      isReal: row["is_real"] === true,
      sequence: Sequence.of(
        PostgresRow.numberIn(row, "trajectory"),
        PostgresRow.numberIn(row, "idx")
      )
    })
  }
  return best.list().map(({ sequence, similarity }) => {
    const [seq, index] = Sequence.parts(sequence)
    return { seq, index, similarity }
  })
}
