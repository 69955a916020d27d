/**
 * The generation of one batch as a program that runs beside the sessions: reads the prompts, then chooses, computes and keeps
 * token by token until every row has ended.
 * It runs in threads that load nothing of Effect and know no words; `DecoderModel` sends it ids and compiles its sessions.
 *
 * B rows, P prompt tokens, C cache places, V vocabulary.
 */
import * as Program from "@dreamgym/graph/Program"
import type { Brief } from "./Brief.ts"
import type { DecoderConfig } from "./Decoder.ts"
import * as Flight from "./Flight.ts"
import * as Generation from "./Generation.ts"
import { angles } from "./Rotation.ts"
import {
  bucket,
  emptyFeeds,
  lending,
  placeRow,
  type LendingRoom,
  type Outline,
  type Room
} from "./Rows.ts"

/** A batch: the sizes of the network, and what each row is to say. */
export interface Input {
  readonly network: Outline & { readonly config: DecoderConfig }
  readonly briefs: ReadonlyArray<Brief>
}

/** What a row has said, in the order of the briefs; see `Generation`. */
export interface Said {
  readonly ids: ReadonlyArray<number>
  readonly logProbabilities: ReadonlyArray<number>
  /** Nothing where the brief is not constrained. */
  readonly choices: ReadonlyArray<ReadonlyArray<number>>
  readonly finish: "Stop" | "Length" | "Broken"
  readonly value: number | undefined
}

/** Where this program is found, from source and from the built package. */
export const reference: Program.Reference<ReadonlyArray<Said>> = {
  module: new URL(import.meta.url),
  isResult: (value): value is ReadonlyArray<Said> =>
    Array.isArray(value) &&
    value.every((one) => typeof one === "object" && one !== null && "choices" in one)
}

/** A network without its words: they are many, and ids are enough. */
export const inputOf = (
  { config, tokenizer }: Input["network"],
  briefs: ReadonlyArray<Brief>
): Input => ({
  network: { config, tokenizer: { vocabulary: { length: tokenizer.vocabulary.length } } },
  briefs
})

/** Memory of batches that are done, for those to come in this thread. */
const rooms: Array<LendingRoom> = []

export function* start({ briefs, network }: Input): Program.Program<ReadonlyArray<Said>> {
  const { config, tokenizer } = network
  const rows = briefs.map(Generation.start)
  const room = rooms.pop() ?? lending()
  const prompt = bucket(Math.max(...briefs.map(({ promptIds }) => promptIds.length)), 8)
  let flight = yield* prefill(network, rows, prompt, room)
  for (let place = prompt; ; place++) {
    advance(flight, tokenizer.vocabulary.length)
    if (flight.rows.every((row) => row.finish !== undefined)) break
    flight = Flight.withRoom(config, Flight.compact(flight, room), place + 1, room)
    yield* oneMore(network, flight, place)
  }
  // Where it is dropped instead, the garbage collector has it.
  room.clear()
  rooms.push(room)
  return rows.map(saidOf)
}

function* prefill(
  network: Input["network"],
  rows: ReadonlyArray<Generation.Generation>,
  prompt: number,
  room: Room
): Program.Program<Flight.Flight> {
  const size = network.tokenizer.vocabulary.length
  const sizes = { batch: Flight.batchOf(rows.length), prompt }
  const feeds = emptyFeeds(network, sizes.batch, prompt, room)
  for (const [b, { brief }] of rows.entries()) {
    const from = prompt - brief.promptIds.length
    placeRow(feeds, network, brief.features, brief.promptIds, { b, length: prompt, from })
  }
  const session = yield* Program.session("prefill", sizes)
  const flight = Flight.start(network, rows, feeds, sizes, room)
  const { logits } = flight.said
  const { value } = yield* Program.run(session, feeds, { logits, ...flight.caches })
  for (const [b, row] of rows.entries()) {
    row.value = value instanceof Float32Array ? value[b] : undefined
    // A row whose every token is forced would not look at its logits.
    if (Number.isNaN((row.value ?? 0) + (logits[b * size] ?? 0))) row.finish = "Broken"
  }
  return flight
}

const advance = ({ rows, said }: Flight.Flight, size: number): void => {
  for (const [b, row] of rows.entries())
    if (row.finish === undefined) Generation.advance(row, said.logits, b * size, size)
}

function* oneMore(
  { config }: Input["network"],
  flight: Flight.Flight,
  place: number
): Program.Program<void> {
  const { batch, cache, cached, caches, said, vocabularyFeatures } = flight
  const session = yield* Program.session("step", { batch, cache })
  const turn = angles(config, place)
  const feeds = {
    ...Flight.lastTokens(config, flight),
    ...caches,
    cached,
    vocabularyFeatures,
    cos: Float32Array.from(turn, Math.cos),
    sin: Float32Array.from(turn, Math.sin)
  }
  yield* Program.run(session, feeds, said)
  Flight.keep(config, flight, place)
}

const saidOf = ({
  brief,
  choices,
  finish = "Broken",
  ids,
  logProbabilities,
  value
}: Row): Said => ({
  ids,
  logProbabilities,
  choices: brief.isConstrained ? choices : [],
  finish,
  value
})

type Row = Generation.Generation
