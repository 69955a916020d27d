import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as TauData from "../../src/taubench/TauData.ts"
import { airlineTables, episode } from "./tiny.ts"

const airline = () => episode(airlineTables)

const booking = (changes: Readonly<Record<string, string>> = {}): string => {
  const fields = {
    user_id: '"ann"',
    origin: '"JFK"',
    destination: '"ORD"',
    flight_type: '"one_way"',
    cabin: '"economy"',
    flights: '[{"flight_number": "F1", "date": "2024-05-20"}]',
    passengers: '[{"first_name": "Ann"}]',
    payment_methods: '[{"payment_id": "credit_card_1", "amount": 130}]',
    total_baggages: "0",
    nonfree_baggages: "0",
    insurance: '"yes"',
    ...changes
  }
  return `{${Object.entries(fields)
    .map(([name, json]) => `"${name}": ${json}`)
    .join(", ")}}`
}

describe("The airline refuses a booking in the original's order and words, and changes nothing:", () => {
  it.each([
    [{ user_id: '"eve"' }, "Error: user not found"],
    [{ flights: '[{"flight_number": "F9", "date": "x"}]' }, "Error: flight F9 not found"],
    [
      { flights: '[{"flight_number": "F1", "date": null}]' },
      "Error: flight F1 not found on date None"
    ],
    [
      { flights: '[{"flight_number": "F1", "date": "2024-05-09"}]' },
      "Error: flight F1 not available on date 2024-05-09"
    ],
    [{ passengers: "[1, 2, 3]" }, "Error: not enough seats on flight F1"],
    [{ cabin: '"business"' }, "Error: not enough seats on flight F1"],
    [{ cabin: '"first"' }, "Error: 'first'"],
    [{ cabin: "null" }, "Error: None"],
    [{ cabin: "{}" }, "Error: unhashable type: 'dict'"],
    [{ flights: '["F1"]' }, "Error: string indices must be integers, not 'str'"],
    [{ flights: "[null]" }, "Error: 'NoneType' object is not subscriptable"],
    [{ flights: "[{}]" }, "Error: 'flight_number'"],
    [{ passengers: "null" }, "Error: object of type 'NoneType' has no len()"],
    [{ nonfree_baggages: '"1"' }, "Error: unsupported operand type(s) for +=: 'int' and 'str'"],
    [{ nonfree_baggages: "[]" }, "Error: unsupported operand type(s) for +=: 'int' and 'list'"],
    [
      { nonfree_baggages: "null" },
      "Error: unsupported operand type(s) for *: 'int' and 'NoneType'"
    ],
    [
      { payment_methods: '[{"payment_id": "cash", "amount": 130}]' },
      "Error: payment method cash not found"
    ],
    [
      { payment_methods: '[{"payment_id": "gift_card_1", "amount": 130}]' },
      "Error: not enough balance in payment method gift_card_1"
    ],
    [
      { payment_methods: '[{"payment_id": "certificate_1", "amount": 130}]' },
      "Error: not enough balance in payment method certificate_1"
    ],
    [
      { nonfree_baggages: "0.5" },
      "Error: payment amount does not add up, total price is 155.0, but paid 130"
    ],
    [
      { payment_methods: '[{"payment_id": "credit_card_1", "amount": "130"}]' },
      "Error: unsupported operand type(s) for +: 'int' and 'str'"
    ]
  ])("%j", (changes, observation) => {
    const { call, database } = airline()
    expect(call("book_reservation", booking(changes))).toBe(observation)
    expect(database.changed.size).toBe(0)
  })
})

describe("A booking", () => {
  it("is stored with prices, takes gift cards and uses certificates up, and takes no seats", () => {
    const { call } = airline()
    const payment_methods =
      '[{"payment_id": "gift_card_1", "amount": 80}, {"payment_id": "certificate_1", "amount": 50}]'
    expect(call("book_reservation", booking({ payment_methods }))).toBe(
      `{"reservation_id": "HATHAT", "user_id": "ann", "origin": "JFK", "destination": "ORD", "flight_type": "one_way", "cabin": "economy", "flights": [{"flight_number": "F1", "date": "2024-05-20", "price": 100, "origin": "JFK", "destination": "ORD"}], "passengers": [{"first_name": "Ann"}], "payment_history": ${payment_methods}, "created_at": "2024-05-15T15:00:00", "total_baggages": 0, "nonfree_baggages": 0, "insurance": "yes"}`
    )
    expect(call("get_user_details", '{"user_id": "ann"}')).toBe(
      '{"payment_methods": {"gift_card_1": {"source": "gift_card", "amount": 20}, "credit_card_1": {"source": "credit_card"}}, "reservations": ["R1", "HATHAT"]}'
    )
    expect(
      call("search_direct_flight", '{"origin": "JFK", "destination": "ORD", "date": "2024-05-20"}')
    ).toContain('"available_seats": {"economy": 2, "business": 0}')
  })

  it("has three ids; a fourth replaces the third", () => {
    const { call } = airline()
    const ids = [1, 2, 3, 4].map(
      () => /"reservation_id": "(\w+)"/.exec(call("book_reservation", booking()) ?? "")?.[1]
    )
    expect(ids).toEqual(["HATHAT", "HATHAU", "HATHAV", "HATHAV"])
  })

  it("with one certificate named twice leaves the user changed and nothing booked, as the original", () => {
    const { call } = airline()
    const payment_methods =
      '[{"payment_id": "certificate_1", "amount": 60}, {"payment_id": "certificate_1", "amount": 60}, {"payment_id": "credit_card_1", "amount": 10}]'
    expect(call("book_reservation", booking({ payment_methods }))).toBe("Error: 'certificate_1'")
    expect(call("get_user_details", '{"user_id": "ann"}')).toBe(
      '{"payment_methods": {"gift_card_1": {"source": "gift_card", "amount": 100}, "credit_card_1": {"source": "credit_card"}}, "reservations": ["R1"]}'
    )
    expect(call("get_reservation_details", '{"reservation_id": "HATHAT"}')).toBe(
      "Error: user not found"
    )
  })
})

const update = (flights: string, cabin = '"economy"', payment = '"gift_card_1"'): string =>
  `{"reservation_id": "R1", "cabin": ${cabin}, "flights": ${flights}, "payment_id": ${payment}}`

describe("A change of flights", () => {
  const same = '[{"flight_number": "F1", "date": "2024-05-20"}]'

  it("keeps the old price of a segment that stays, and writes no payment of nothing", () => {
    const changed = airline().call("update_reservation_flights", update(same))
    expect(changed).toContain('"price": 90, "origin": "JFK", "destination": "ORD"}]')
    expect(changed).toContain('"payment_history": [{"payment_id": "credit_card_1", "amount": 180}]')
  })

  it("pays back to a gift card and leaves the cabin as it was", () => {
    const { call } = airline()
    const changed = call(
      "update_reservation_flights",
      update('[{"flight_number": "F2", "date": "2024-05-20"}]', '"business"')
    )
    expect(changed).toContain('"cabin": "economy"')
    expect(changed).toContain('{"payment_id": "gift_card_1", "amount": -20}]')
    expect(call("get_user_details", '{"user_id": "ann"}')).toContain('"amount": 120}')
  })

  it.each([
    [update("null"), "Error: 'NoneType' object is not iterable"],
    [update('"F"'), "Error: string indices must be integers, not 'str'"],
    [update(same, '"business"'), "Error: not enough seats on flight F1"],
    [update(same, '"economy"', '"cash"'), "Error: payment method not found"],
    [
      update(same, '"economy"', '"certificate_1"'),
      "Error: certificate cannot be used to update reservation"
    ],
    [
      update(
        '[{"flight_number": "F2", "date": "2024-05-22"}, {"flight_number": "F3", "date": "2024-05-21"}, {"flight_number": "F1", "date": "2024-05-20"}]'
      ),
      "Error: gift card balance is not enough"
    ]
  ])("%s is refused: %s", (json, observation) => {
    const { call, database } = airline()
    expect(call("update_reservation_flights", json)).toBe(observation)
    expect(database.changed.size).toBe(0)
  })
})

/** A flight that is offered on some days, and late on others. The price of a day is its number. */
const flight = (
  [from, to]: readonly [string, string],
  [departs, arrives]: readonly [string, string],
  days: Readonly<Record<string, "available" | "delayed">>
) => ({
  origin: from,
  destination: to,
  scheduled_departure_time_est: departs,
  scheduled_arrival_time_est: arrives,
  dates: Object.fromEntries(
    Object.entries(days).map(([day, status]) => [`2024-05-${day}`, { status, prices: Number(day) }])
  )
})

const connections = {
  A1: flight(["AAA", "BBB"], ["08:00:00", "10:00:00"], {
    20: "available",
    21: "delayed",
    22: "available"
  }),
  N1: flight(["AAA", "BBB"], ["22:00:00", "01:00:00+1"], { 20: "available", 21: "available" }),
  B1: flight(["BBB", "CCC"], ["10:00:00", "12:00:00"], {
    20: "available",
    21: "available",
    22: "delayed"
  }),
  B2: flight(["BBB", "CCC"], ["00:59:59", "03:00:00"], { 20: "available", 21: "available" }),
  X1: flight(["DDD", "CCC"], ["12:00:00", "13:00:00"], { 20: "available", 21: "available" })
}

const connected = TauData.tablesFrom(
  "airline",
  new Map([
    [
      "flights",
      Result.getOrThrow(
        TauData.parseTable(
          JSON.stringify(
            Object.fromEntries(
              Object.entries(connections).map(([number, fields]) => [
                number,
                { flight_number: number, ...fields }
              ])
            )
          ),
          "flights.json",
          "airline",
          "flights"
        )
      )
    ]
  ])
)

describe("The airline", () => {
  it("prices baggage by what is added, floats and True included", () => {
    const baggage = (nonfree: string) =>
      airline().call(
        "update_reservation_baggages",
        `{"reservation_id": "R1", "total_baggages": 2, "nonfree_baggages": ${nonfree}, "payment_id": "credit_card_1"}`
      )
    expect(baggage("1")).toContain('{"payment_id": "credit_card_1", "amount": 50}]')
    expect(baggage("1.5")).toContain('{"payment_id": "credit_card_1", "amount": 75.0}]')
    expect(baggage("true")).toContain('"nonfree_baggages": true')
    expect(baggage("-1")).toContain('"amount": 180}]')
    expect(baggage('"x"')).toBe("Error: unsupported operand type(s) for -: 'str' and 'int'")
  })

  it("takes as many passengers as there were, of whatever kind", () => {
    const passengers = (json: string) =>
      airline().call(
        "update_reservation_passengers",
        `{"reservation_id": "R1", "passengers": ${json}}`
      )
    expect(passengers("[1]")).toBe("Error: number of passengers does not match")
    expect(passengers('"ab"')).toContain('"passengers": "ab"')
  })

  it("cancels with refunds on paper only, again and again", () => {
    const { call } = airline()
    call("cancel_reservation", '{"reservation_id": "R1"}')
    expect(call("cancel_reservation", '{"reservation_id": "R1"}')).toContain(
      '"payment_history": [{"payment_id": "credit_card_1", "amount": 180}, {"payment_id": "credit_card_1", "amount": -180}, {"payment_id": "credit_card_1", "amount": -180}, {"payment_id": "credit_card_1", "amount": 180}]'
    )
  })

  it("sends three certificates, and answers nothing to the fourth", () => {
    const { call } = airline()
    const sent = ["50", "50.0", '"x"', "1"].map((amount) =>
      call("send_certificate", `{"user_id": "ann", "amount": ${amount}}`)
    )
    expect(sent).toEqual([
      "Certificate certificate_3221322 added to user ann with amount 50.",
      "Certificate certificate_3221323 added to user ann with amount 50.0.",
      "Certificate certificate_3221324 added to user ann with amount x.",
      null
    ])
  })

  const connect = (origin: string, date: string) =>
    airline().call(
      "search_onestop_flight",
      `{"origin": "${origin}", "destination": "SEA", "date": ${date}}`
    )

  it("finds a connection of one day with both legs' prices", () => {
    expect(connect("JFK", '"2024-05-20"')).toBe(
      '[[{"flight_number": "F1", "origin": "JFK", "destination": "ORD", "scheduled_departure_time_est": "08:00:00", "scheduled_arrival_time_est": "09:00:00", "status": "available", "available_seats": {"economy": 2, "business": 0}, "prices": {"economy": 100, "business": 300}, "date": "2024-05-20"}, {"flight_number": "F2", "origin": "ORD", "destination": "SEA", "scheduled_departure_time_est": "10:00:00", "scheduled_arrival_time_est": "12:00:00", "status": "available", "available_seats": {"economy": 9, "business": 9}, "prices": {"economy": 50, "business": 80}, "date": "2024-05-20"}]]'
    )
  })

  it("reads the second leg of the first leg's date, which is a KeyError after midnight", () => {
    expect(connect("LGA", '"2024-05-21"')).toBe("Error: '2024-05-21'")
    expect(connect("LGA", '"soon"')).toBe("Error: invalid literal for int() with base 10: 'on'")
    expect(connect("LGA", "null")).toBe("Error: 'NoneType' object is not subscriptable")
    expect(connect("LGA", "{}")).toBe("Error: unhashable type: 'slice'")
    expect(connect("LGA", "[]")).toBe(
      "Error: int() argument must be a string, a bytes-like object or a real number, not 'list'"
    )
    expect(connect("JFK", "null")).toBe("[]")
  })

  it("connects only flights that meet, in time and both offered, and says each leg's own date", () => {
    const legs = (date: string) => {
      const answer = episode(connected).call(
        "search_onestop_flight",
        `{"origin": "AAA", "destination": "CCC", "date": "${date}"}`
      )
      const pairs: ReadonlyArray<ReadonlyArray<Record<string, unknown>>> = JSON.parse(answer ?? "")
      return pairs.map((pair) =>
        pair.map((leg) => [leg["flight_number"], leg["date"], leg["prices"]])
      )
    }
    // B1 leaves when A1 arrives; B2 leaves before, X1 elsewhere; after N1's midnight B1 flies, at the prices of the day before.
    expect(legs("2024-05-20")).toEqual([
      [
        ["A1", "2024-05-20", 20],
        ["B1", "2024-05-20", 20]
      ],
      [
        ["N1", "2024-05-20", 20],
        ["B1", "2024-05-21", 20]
      ]
    ])
    // A1 is late, so that B1 alone is offered; the day after N1 flies, B1 is not.
    expect(legs("2024-05-21")).toEqual([])
    // A1 is offered, and B1 is not.
    expect(legs("2024-05-22")).toEqual([])
  })

  it("knows twenty airports", () => {
    const airports = airline().call("list_all_airports") ?? ""
    expect(airports.match(/": "/g)).toHaveLength(20)
    expect(airports.startsWith('{"SFO": "San Francisco", "JFK": "New York"')).toBe(true)
  })
})
