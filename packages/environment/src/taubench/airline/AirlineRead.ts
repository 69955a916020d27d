/**
 * The airline tools that only look: airports, flights, reservations, users.
 * None of them changes a record; the bugs of the original's searches are kept and named.
 */
import * as Database from "../Database.ts"
import { equals, hash, subscript } from "../python/Operation.ts"
import { json, repr, str } from "../python/Text.ts"
import {
  type Dict,
  dictOf,
  isDict,
  isList,
  type List,
  raise,
  typeName,
  type Value
} from "../python/Value.ts"
import { tool } from "../Tool.ts"

const airports = dictOf({
  SFO: "San Francisco",
  JFK: "New York",
  LAX: "Los Angeles",
  ORD: "Chicago",
  DFW: "Dallas",
  DEN: "Denver",
  SEA: "Seattle",
  ATL: "Atlanta",
  MIA: "Miami",
  BOS: "Boston",
  PHX: "Phoenix",
  IAH: "Houston",
  LAS: "Las Vegas",
  MCO: "Orlando",
  EWR: "Newark",
  CLT: "Charlotte",
  MSP: "Minneapolis",
  DTW: "Detroit",
  PHL: "Philadelphia",
  LGA: "LaGuardia"
})

/** What a flight is on a date, where it is offered then. */
const offered = (flight: Dict, date: Value): Value | undefined => {
  const dates = subscript(flight, "dates")
  hash(date)
  const day = isDict(dates) && typeof date === "string" ? dates.get(date) : undefined
  return day !== undefined && equals(subscript(day, "status"), "available") ? day : undefined
}

/** The flight without its dates, and the fields of one day in it. */
const onDay = (flight: Dict, day: Value): Dict => {
  const shown: Dict = new Map()
  for (const [key, value] of flight) if (key !== "dates") shown.set(key, value)
  if (isDict(day)) for (const [key, value] of day) shown.set(key, value)
  return shown
}

/** `int(date[-2:]) + 1` of Python, as the original counts days: 2024-05-09 gives 10, and 31 gives 32 (sic). */
const dayAfter = (date: Value): bigint => {
  if (isDict(date)) return raise("TypeError", "unhashable type: 'slice'")
  if (isList(date)) {
    const detail =
      "int() argument must be a string, a bytes-like object or a real number, not 'list'"
    return raise("TypeError", detail)
  }
  if (typeof date !== "string") {
    return raise("TypeError", `'${typeName(date)}' object is not subscriptable`)
  }
  const digits = Array.from(date).slice(-2).join("")
  if (/^\s*[-+]?\d+\s*$/.test(digits)) return BigInt(Number(digits)) + 1n
  return raise("ValueError", `invalid literal for int() with base 10: ${repr(digits)}`)
}

/**
 * The two legs, where both are offered. The day of a second leg after midnight is `2024-05-` and the day without a
 * zero before it, so that it is never found before the 10th (sic); and the second leg's seats and prices are read of
 * the first leg's date (sic), which is a KeyError where it does not fly then.
 */
const connection = (first: Dict, second: Dict, date: Value): List | undefined => {
  const arrival = str(subscript(first, "scheduled_arrival_time_est"))
  const nextDate: Value = arrival.includes("+1") ? `2024-05-${dayAfter(date)}` : date
  if (arrival > str(subscript(second, "scheduled_departure_time_est"))) return undefined
  // Python asks whether both dates are there before it asks for any status.
  const [one, other] = [offered(first, date), offered(second, nextDate)]
  if (one === undefined || other === undefined) return undefined
  const legs = [onDay(first, one), onDay(second, subscript(subscript(second, "dates"), date))]
  for (const [index, leg] of legs.entries()) leg.set("date", index === 0 ? date : nextDate)
  return legs
}

const flightsOf = (database: Database.Database): ReadonlyArray<Dict> =>
  Array.from(Database.records(database, "flights"), ([, flight]) => flight)

const shown = (database: Database.Database, table: string, id: Value): string => {
  const record = Database.find(database, table, id)
  // A reservation that is not there is called a user (sic).
  return record === undefined ? "Error: user not found" : json(record)
}

const searchOnestop = tool(
  "SearchOnestopFlight",
  ["origin", "destination", "date"],
  (database, given) => {
    const flights = flightsOf(database)
    const lasts = flights.filter((flight) =>
      equals(subscript(flight, "destination"), given("destination"))
    )
    const found: List = []
    for (const first of flights) {
      if (!equals(subscript(first, "origin"), given("origin"))) continue
      for (const second of lasts) {
        if (!equals(subscript(first, "destination"), subscript(second, "origin"))) continue
        const legs = connection(first, second, given("date"))
        if (legs !== undefined) found.push(legs)
      }
    }
    return json(found)
  }
)

const searchDirect = tool(
  "SearchDirectFlight",
  ["origin", "destination", "date"],
  (database, given) => {
    const found: List = []
    for (const flight of flightsOf(database)) {
      const isBetween =
        equals(subscript(flight, "origin"), given("origin")) &&
        equals(subscript(flight, "destination"), given("destination"))
      const day = isBetween ? offered(flight, given("date")) : undefined
      if (day !== undefined) found.push(onDay(flight, day))
    }
    return json(found)
  }
)

export const airlineReadTools = {
  get_reservation_details: tool("GetReservationDetails", ["reservation_id"], (database, given) =>
    shown(database, "reservations", given("reservation_id"))
  ),
  get_user_details: tool("GetUserDetails", ["user_id"], (database, given) =>
    shown(database, "users", given("user_id"))
  ),
  list_all_airports: tool("ListAllAirports", [], () => json(airports)),
  search_direct_flight: searchDirect,
  search_onestop_flight: searchOnestop
}
