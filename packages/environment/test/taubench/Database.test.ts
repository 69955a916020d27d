import { Arbitraries } from "@dreamgym/laws"
import * as FastCheck from "fast-check"
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import * as Database from "../../src/taubench/Database.ts"
import * as DatabaseHash from "../../src/taubench/DatabaseHash.ts"
import { tupleText } from "../../src/taubench/python/Text.ts"
import { fromJson, isDict, type Dict, type Value } from "../../src/taubench/python/Value.ts"
import * as TauReward from "../../src/taubench/TauReward.ts"
import * as TauTools from "../../src/taubench/TauTools.ts"
import { airlineTables, given, shopTables } from "./tiny.ts"

/** All of a table's text, made anew. */
const textOf = (tables: Database.Tables): string =>
  Array.from(
    tables.tables,
    ([name, table]) => name + Array.from(table.values(), tupleText).join()
  ).join("\n")

/** Words that the databases know, so that calls come far. */
const words = [
  "#1",
  "#2",
  "ann",
  "R1",
  "F1",
  "F2",
  "2024-05-20",
  "31",
  "32",
  "34",
  "gift_card_1",
  "paypal_1",
  "credit_card_1",
  "certificate_1",
  "no longer needed",
  "economy",
  "yes"
]

const anything = FastCheck.letrec<{ value: Value }>((tie) => ({
  value: FastCheck.oneof(
    { maxDepth: 3, withCrossShrink: true },
    FastCheck.constantFrom<Value>(...words),
    FastCheck.constantFrom<Value>(null, true, 0n, 1n, 2.5, Number.NaN, ""),
    FastCheck.string({ unit: Arbitraries.character }),
    FastCheck.array(tie("value"), { maxLength: 2 }),
    FastCheck.array(
      FastCheck.tuple(
        FastCheck.constantFrom("flight_number", "date", "payment_id", "amount", "x"),
        tie("value")
      ),
      { maxLength: 3 }
    ).map((entries) => new Map(entries))
  )
})).value

/** A list of records, written as JSON. */
const listOf = (...jsons: ReadonlyArray<string>): Value => jsons.map(given)

const travel = '{"flight_number": "F1", "date": "2024-05-20"}'
const half = '{"payment_id": "certificate_1", "amount": 50}'

/** What lets calls come far, by parameter: beside anything at all, so that some of them write. */
const likely: Readonly<Record<string, readonly [Value, ...Array<Value>]>> = {
  order_id: ["#1", "#2"],
  user_id: ["ann", "bob"],
  reservation_id: ["R1", "R2"],
  reason: ["no longer needed"],
  item_ids: [["31"], ["32"], ["31", "32"]],
  new_item_ids: [["34"], ["32"], ["32", "31"]],
  payment_method_id: ["gift_card_2", "gift_card_1", "paypal_1", "credit_card_1"],
  payment_id: ["credit_card_1", "gift_card_1"],
  cabin: ["economy", "business"],
  flights: [listOf(travel), listOf('{"flight_number": "F2", "date": "2024-05-22"}')],
  passengers: [listOf('{"first_name": "Cy"}'), listOf("{}", "{}")],
  payment_methods: [listOf('{"payment_id": "credit_card_1", "amount": 100}'), listOf(half, half)],
  nonfree_baggages: [0n, 2n],
  insurance: ["no", "yes"],
  amount: [100n]
}

const argumentOf = (parameter: string) =>
  FastCheck.oneof(
    { weight: 4, arbitrary: FastCheck.constantFrom(...(likely[parameter] ?? [null])) },
    { weight: parameter in likely ? 1 : 16, arbitrary: anything }
  )

const callOf = (domain: Database.Domain) =>
  FastCheck.constantFrom(...TauTools.toolsOf[domain]).chain(([name, { parameters }]) =>
    FastCheck.record({
      name: FastCheck.constant(name),
      given: FastCheck.tuple(...parameters.map(argumentOf)).map(
        (values): Dict => new Map(parameters.map((key, index) => [key, values[index] ?? null]))
      )
    })
  )

/** How many tools of a domain write. */
const writers = { retail: 7, airline: 6 } as const

describe.each([
  ["retail", shopTables],
  ["airline", airlineTables]
] as const)("Any calls of the tools of %s", (domain, tables) => {
  const calls = FastCheck.array(callOf(domain), { maxLength: 6 })
  const before = textOf(tables)

  it("with any arguments end in an answer, and leave the shared tables as they were", () => {
    FastCheck.assert(
      FastCheck.property(calls, (made) => {
        const database = Database.start(tables)
        for (const call of made) {
          const { observation, isKnown } = TauTools.call(database, call.name, call.given)
          expect(isKnown && (observation === null || typeof observation === "string")).toBe(true)
        }
        expect(textOf(tables)).toBe(before)
      }),
      { numRuns: 300 }
    )
  })

  it("change nothing where they are refused or raise, but that a booking pays before it raises", () => {
    FastCheck.assert(
      FastCheck.property(calls, (made) => {
        const database = Database.start(tables)
        for (const { name, given } of made) {
          const before = DatabaseHash.hashOf(database)
          const { observation, raised } = TauTools.call(database, name, given)
          const isDone = raised === undefined && observation?.startsWith("Error: ") !== true
          const isHalfDone = name === "book_reservation" && raised === "KeyError"
          if (!isDone && !isHalfDone) expect(DatabaseHash.hashOf(database)).toBe(before)
        }
      }),
      { numRuns: 500 }
    )
  })

  it("write often enough for these laws to mean something", () => {
    const written = FastCheck.sample(callOf(domain), { numRuns: 3000, seed: 1 }).map((call) => {
      const database = Database.start(tables)
      TauTools.call(database, call.name, call.given)
      return database.changed.size > 0 ? call.name : ""
    })
    expect(new Set(written).size - 1).toBe(writers[domain])
  })

  it("give the same answers again, also in a fork, which then goes its own way", () => {
    FastCheck.assert(
      FastCheck.property(calls, calls, (made, later) => {
        const play = (database: Database.Database, those: typeof made) =>
          those.map((call) => TauTools.call(database, call.name, call.given).observation)
        const [one, other] = [Database.start(tables), Database.start(tables)]
        expect(play(one, made)).toEqual(play(other, made))
        const fork = Database.fork(one)
        const answers = play(fork, later)
        expect(DatabaseHash.hashOf(one)).toBe(DatabaseHash.hashOf(other))
        expect(play(one, later)).toEqual(answers)
        expect(DatabaseHash.hashOf(one)).toBe(DatabaseHash.hashOf(fork))
      }),
      { numRuns: 100 }
    )
  })

  it("lead to the same hash exactly where no record differs", () => {
    FastCheck.assert(
      FastCheck.property(calls, calls, (made, others) => {
        const [left, right] = [made, others].map((those) => {
          const database = Database.start(tables)
          for (const call of those) TauTools.call(database, call.name, call.given)
          return database
        })
        if (left === undefined || right === undefined) throw new Error("two databases")
        const isSame = DatabaseHash.hashOf(left) === DatabaseHash.hashOf(right)
        expect(DatabaseHash.differences(left, right).length === 0).toBe(isSame)
      }),
      { numRuns: 100 }
    )
  })
})

const records = FastCheck.array(
  FastCheck.tuple(
    FastCheck.oneof(FastCheck.constantFrom("a", "b", "\u{1f600}", "\uffff"), FastCheck.string()),
    anything.map((value): Dict => new Map([["x", value]]))
  ),
  { maxLength: 4 }
).map((entries) => new Map(entries))

const tablesOfRecords = FastCheck.array(
  FastCheck.tuple(FastCheck.constantFrom("t", "u", "v"), records, records),
  { maxLength: 3 }
).map((tables) => new Map(tables.map(([name, base, changed]) => [name, { base, changed }])))

describe("The hash", () => {
  it("of any tables, however they are changed and added to, is that of the text of the whole", () => {
    FastCheck.assert(
      FastCheck.property(tablesOfRecords, (tables) => {
        const each = <A>(
          of: (table: { readonly base: Database.Table; readonly changed: Database.Table }) => A
        ) => new Map(Array.from(tables, ([name, table]) => [name, of(table)]))
        const base: Database.Tables = { domain: "retail", tables: each((table) => table.base) }
        const changed = each((table) => new Map(table.changed))
        const whole = each((table): Dict => new Map([...table.base, ...table.changed]))
        const expected = createHash("sha256").update(tupleText(whole)).digest("hex")
        expect(DatabaseHash.hashOf({ base, changed })).toBe(expected)
        const unchanged = createHash("sha256")
          .update(tupleText(each((table): Dict => new Map(table.base))))
          .digest("hex")
        expect(DatabaseHash.hashOf(Database.start(base))).toBe(unchanged)
      }),
      { numRuns: 500 }
    )
  })
})

describe("A call", () => {
  it("keeps nothing of the arguments that its caller may change later", () => {
    const database = Database.start(airlineTables)
    const passengers = fromJson([{ first_name: "A" }, { first_name: "B" }]) ?? null
    TauTools.call(
      database,
      "update_reservation_passengers",
      new Map<string, Value>([
        ["reservation_id", "R1"],
        ["passengers", passengers]
      ])
    )
    const first = Array.isArray(passengers) ? passengers[0] : undefined
    if (isDict(first)) first.set("first_name", "changed")
    expect(tupleText(Database.at(database, "reservations", "R1"))).not.toContain("changed")
  })
})

describe("A fork", () => {
  it("of a database with a changed record changes it for itself alone", () => {
    const database = Database.start(airlineTables)
    const cancel = () => given('{"reservation_id": "R1"}')
    TauTools.call(database, "cancel_reservation", cancel())
    const before = DatabaseHash.hashOf(database)
    const fork = Database.fork(database)
    TauTools.call(fork, "cancel_reservation", cancel())
    expect(DatabaseHash.hashOf(database)).toBe(before)
    expect(DatabaseHash.differences(database, fork).map(({ id }) => id)).toEqual(["R1"])
  })
})

describe("The reward", () => {
  const cancel = { name: "cancel_reservation", arguments: given('{"reservation_id": "R1"}') }
  const transfer = { name: "transfer_to_human_agents", arguments: given('{"summary": ""}') }
  const goal = { actions: [cancel, transfer], outputs: ["1,000", "Yes"] }

  const played = (...names: ReadonlyArray<string>): Database.Database => {
    const database = Database.start(airlineTables)
    for (const name of names) TauTools.call(database, name, cancel.arguments)
    return database
  }

  it("is 1 where the database is right and everything was said, commas and case aside", () => {
    // An output with a comma is never found, for the comma is taken from the messages only.
    const plain = { ...goal, outputs: ["1000", "Yes"] }
    const said = ["It is 1,000 dollars.", "YES."]
    expect(TauReward.judge(played("cancel_reservation"), said, plain)).toEqual({
      reward: 1,
      differences: [],
      unsaid: []
    })
    expect(TauReward.judge(played("cancel_reservation"), said, goal).unsaid).toEqual(["1,000"])
  })

  it("counts as said what the task's own actions say, as the original's checker does", () => {
    const respond = { name: "respond", arguments: given('{"content": "It is 1,000, yes."}') }
    const telling = { actions: [cancel, respond], outputs: ["1000", "Yes"] }
    expect(TauReward.judge(played("cancel_reservation"), [], telling).reward).toBe(1)
  })

  it("is 0 where a record differs, and names it", () => {
    const judged = TauReward.judge(played(), [], { ...goal, outputs: [] })
    expect({
      ...judged,
      differences: judged.differences.map(({ table, id }) => [table, id])
    }).toEqual({
      reward: 0,
      differences: [["reservations", "R1"]],
      unsaid: []
    })
    const twice = played("cancel_reservation", "cancel_reservation")
    expect(TauReward.judge(twice, [], { ...goal, outputs: [] }).reward).toBe(0)
  })

  it("is 0 where something was not said, and names it", () => {
    expect(TauReward.judge(played("cancel_reservation"), ["no"], goal)).toEqual({
      reward: 0,
      differences: [],
      unsaid: ["1,000", "Yes"]
    })
  })
})
