/**
 * Booking a flight, and the check of one segment that changing flights shares with it.
 * Seats are never taken from a flight: the original assumes that this takes time.
 */
import * as Database from "../Database.ts"
import { operate, unsupported } from "../python/Arithmetic.ts"
import {
  append,
  assign,
  contains,
  equals,
  isLess,
  iterate,
  length,
  subscript,
  sum
} from "../python/Operation.ts"
import { json, str } from "../python/Text.ts"
import { type Dict, isDict, isList, typeName, type Value } from "../python/Value.ts"
import { tool } from "../Tool.ts"

/** What `multiple of amount` is in Python where a text or a list may stand: only its type matters to what follows. */
const multiplied = (count: bigint, value: Value): bigint | number | "str" | "list" => {
  if (typeof value === "string") return "str"
  return isList(value) ? "list" : operate("*", count, value)
}

/**
 * Prices one segment of `travellers` people and writes price, origin and destination into it. Gives the price of all,
 * or the refusal.
 */
export const priceSegment = (
  database: Database.Database,
  segment: Value,
  cabin: Value,
  travellers: () => bigint
): bigint | number | string => {
  const number = subscript(segment, "flight_number")
  const flight = Database.find(database, "flights", number)
  if (flight === undefined) return `Error: flight ${str(number)} not found`
  const [dates, date] = [subscript(flight, "dates"), subscript(segment, "date")]
  if (!contains(dates, date)) {
    return `Error: flight ${str(number)} not found on date ${str(date)}`
  }
  const day = subscript(dates, date)
  if (!equals(subscript(day, "status"), "available")) {
    return `Error: flight ${str(number)} not available on date ${str(date)}`
  }
  if (isLess(subscript(subscript(day, "available_seats"), cabin), travellers())) {
    return `Error: not enough seats on flight ${str(number)}`
  }
  const price = subscript(subscript(day, "prices"), cabin)
  assign(segment, "price", price)
  assign(segment, "origin", subscript(flight, "origin"))
  assign(segment, "destination", subscript(flight, "destination"))
  return operate("*", price, travellers())
}

/** An episode has room for three reservations; a fourth replaces the third (sic). */
const freeId = (database: Database.Database): string =>
  ["HATHAT", "HATHAU"].find((id) => Database.find(database, "reservations", id) === undefined) ??
  "HATHAV"

/** The price of the whole reservation, or the refusal. */
const totalPrice = (database: Database.Database, reservation: Dict): bigint | number | string => {
  const passengers = subscript(reservation, "passengers")
  const travellers = () => length(passengers)
  let total: bigint | number = 0n
  for (const segment of iterate(subscript(reservation, "flights"))) {
    const price = priceSegment(database, segment, subscript(reservation, "cabin"), travellers)
    if (typeof price === "string") return price
    total = operate("+", total, price, "+=")
  }
  if (equals(subscript(reservation, "insurance"), "yes")) {
    total = operate("+", total, 30n * travellers(), "+=")
  }
  const baggage = multiplied(50n, subscript(reservation, "nonfree_baggages"))
  if (typeof baggage === "string") return unsupported("+=", typeName(total), baggage)
  return operate("+", total, baggage, "+=")
}

/** What forbids these payments, or undefined. */
const paymentRefusal = (
  methods: Value,
  payments: Value,
  total: bigint | number
): string | undefined => {
  for (const payment of iterate(payments)) {
    const [id, amount] = [subscript(payment, "payment_id"), subscript(payment, "amount")]
    if (!contains(methods, id)) return `Error: payment method ${str(id)} not found`
    const method = subscript(methods, id)
    const hasAmount = contains(["gift_card", "certificate"], subscript(method, "source"))
    if (hasAmount && isLess(subscript(method, "amount"), amount)) {
      return `Error: not enough balance in payment method ${str(id)}`
    }
  }
  const paid = sum(iterate(payments).map((payment) => subscript(payment, "amount")))
  if (equals(paid, total)) return undefined
  return `Error: payment amount does not add up, total price is ${str(total)}, but paid ${str(paid)}`
}

/**
 * Takes the payments. A certificate is used up whole. One that is named twice passes the checks and is gone at its second
 * turn: a KeyError that leaves the user changed and nothing booked (sic).
 */
const pay = (methods: Value, payments: Value): void => {
  for (const payment of iterate(payments)) {
    const [id, amount] = [subscript(payment, "payment_id"), subscript(payment, "amount")]
    const method = subscript(methods, id)
    if (equals(subscript(method, "source"), "gift_card")) {
      assign(method, "amount", operate("-", subscript(method, "amount"), amount, "-="))
    } else if (equals(subscript(method, "source"), "certificate") && isDict(methods)) {
      methods.delete(str(id))
    }
  }
}

const bookParameters = [
  "user_id",
  "origin",
  "destination",
  "flight_type",
  "cabin",
  "flights",
  "passengers",
  "payment_methods",
  "total_baggages",
  "nonfree_baggages",
  "insurance"
] as const

const reservationOf = (
  id: string,
  given: (name: (typeof bookParameters)[number]) => Value
): Dict => {
  const reservation: Dict = new Map([["reservation_id", id]])
  for (const name of bookParameters) {
    if (name === "total_baggages") reservation.set("created_at", "2024-05-15T15:00:00")
    reservation.set(name === "payment_methods" ? "payment_history" : name, given(name))
  }
  return reservation
}

export const airlineBookingTools = {
  book_reservation: tool("BookReservation", bookParameters, (database, given) => {
    const user = Database.find(database, "users", given("user_id"))
    if (user === undefined) return "Error: user not found"
    const reservation = reservationOf(freeId(database), given)
    const total = totalPrice(database, reservation)
    if (typeof total === "string") return total
    const payments = given("payment_methods")
    const refusal = paymentRefusal(subscript(user, "payment_methods"), payments, total)
    if (refusal !== undefined) return refusal
    const owned = Database.own(database, "users", given("user_id"))
    pay(subscript(owned, "payment_methods"), payments)
    const id = str(subscript(reservation, "reservation_id"))
    Database.put(database, "reservations", id, reservation)
    append(subscript(owned, "reservations"), id)
    return json(reservation)
  })
}
