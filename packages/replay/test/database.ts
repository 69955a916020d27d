/** A buffer in a database for these tests: opened as often as wanted, looked into from outside, gone at the end. */
import { type Embedder, type ReplayBuffer as Contract, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { DatabaseSync } from "node:sqlite"
import { ReplayBuffer } from "../src/index.ts"
import { disk, temporaryDirectory } from "./disk.ts"
import { filesOf } from "./retrieval/files.ts"

/** A place for a database: `use` opens it, runs the program and closes it again. */
export const place = Effect.map(temporaryDirectory, (directory) => {
  const file = `${directory}/replay.sqlite`
  return {
    file,
    use:
      (options: Partial<ReplayBuffer.SqliteOptions> = {}) =>
      <A, E>(program: Effect.Effect<A, E, Contract.ReplayBuffer>) =>
        program.pipe(
          Effect.provide(ReplayBuffer.layerSqlite({ file, ...options }), { local: true }),
          Effect.provide(filesOf(disk()))
        ),
    /** SQL from outside, as another program would. */
    sql: (text: string) => {
      const database = new DatabaseSync(file)
      const rows = database.prepare(text).all()
      database.close()
      return rows.map((row) => ({ ...row }))
    }
  }
})

/** An embedder that notes what it was asked, each question as one list; the vectors depend on the text alone. */
export const noting = (more: Partial<Embedder.Embedder> = {}) => {
  const asked: Array<ReadonlyArray<string>> = []
  const name = more.name ?? "noting"
  const dimension = more.dimension ?? 8
  const embedder: Embedder.Embedder = {
    name,
    dimension,
    embed: (texts) =>
      Effect.suspend(() => {
        asked.push(texts)
        return Effect.as(
          Effect.yieldNow,
          texts.map((text) => vectorOf(text, dimension))
        )
      }),
    ...more
  }
  return { asked, embedder }
}

export const vectorOf = (text: string, dimension = 8): Float32Array => {
  const random = Seed.generator(Seed.key(1, text))
  return Float32Array.from({ length: dimension }, () => random() - 0.5)
}
