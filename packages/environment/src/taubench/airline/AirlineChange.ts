/**
 * The airline tools that change what is booked: cancellation, flights, baggage, passengers; and certificates.
 * Nothing here looks at the airline's policy: it is the agent's business, and what it forbids can be done (sic).
 */
import * as Database from "../Database.ts"
import { negate, operate } from "../python/Arithmetic.ts"
import {
  append,
  assign,
  contains,
  equals,
  extend,
  isLess,
  iterate,
  length,
  subscript,
  sum
} from "../python/Operation.ts"
import { json, str } from "../python/Text.ts"
import { type Dict, dictOf, type Value } from "../python/Value.ts"
import { tool } from "../Tool.ts"
import { priceSegment } from "./AirlineBooking.ts"

const methodsOf = (database: Database.Database, reservation: Dict): Value =>
  subscript(Database.at(database, "users", subscript(reservation, "user_id")), "payment_methods")

/** What forbids to pay a change with the method, or undefined. Only gift cards are asked for their amount. */
const paymentRefusal = (
  methods: Value,
  paymentId: Value,
  total: bigint | number
): string | undefined => {
  if (!contains(methods, paymentId)) return "Error: payment method not found"
  const method = subscript(methods, paymentId)
  if (equals(subscript(method, "source"), "certificate")) {
    return "Error: certificate cannot be used to update reservation"
  }
  const isGiftCard = equals(subscript(method, "source"), "gift_card")
  return isGiftCard && isLess(subscript(method, "amount"), total)
    ? "Error: gift card balance is not enough"
    : undefined
}

/** Takes the total from a gift card; a negative one is paid back to it, however little it had (sic). */
const takeFromGiftCard = (
  database: Database.Database,
  reservation: Dict,
  paymentId: Value,
  total: bigint | number
): void => {
  const user = Database.own(database, "users", subscript(reservation, "user_id"))
  const method = subscript(subscript(user, "payment_methods"), paymentId)
  if (equals(subscript(method, "source"), "gift_card")) {
    assign(method, "amount", operate("-", subscript(method, "amount"), total, "-="))
  }
}

const recordPayment = (reservation: Dict, paymentId: Value, total: bigint | number): void => {
  if (equals(total, 0n)) return
  const payment = dictOf({ payment_id: paymentId, amount: total })
  append(subscript(reservation, "payment_history"), payment)
}

/** The booked segment that a wanted one repeats in the same cabin, which keeps its old price. */
const repeated = (reservation: Dict, segment: Value, cabin: Value): Value | undefined => {
  // Python builds the whole list first, so that a fault in a later segment is raised too.
  const same = iterate(subscript(reservation, "flights")).filter(
    (booked) =>
      equals(subscript(booked, "flight_number"), subscript(segment, "flight_number")) &&
      equals(subscript(booked, "date"), subscript(segment, "date")) &&
      equals(cabin, subscript(reservation, "cabin"))
  )
  return same[0]
}

/** The price of the wanted segments less that of the booked ones, or the refusal; writes prices into the segments. */
const priceChange = (
  database: Database.Database,
  reservation: Dict,
  segments: Value,
  cabin: Value
): bigint | number | string => {
  const travellers = () => length(subscript(reservation, "passengers"))
  let total: bigint | number = 0n
  for (const segment of iterate(segments)) {
    const kept = repeated(reservation, segment, cabin)
    const price =
      kept === undefined
        ? priceSegment(database, segment, cabin, travellers)
        : operate("*", subscript(kept, "price"), travellers())
    if (typeof price === "string") return price
    total = operate("+", total, price, "+=")
    for (const field of kept === undefined ? [] : ["price", "origin", "destination"]) {
      assign(segment, field, subscript(kept ?? null, field))
    }
  }
  const booked = iterate(subscript(reservation, "flights"))
  const before = sum(booked.map((segment) => subscript(segment, "price")))
  return operate("-", total, operate("*", before, travellers()), "-=")
}

const updateFlights = tool(
  "UpdateReservationFlights",
  ["reservation_id", "cabin", "flights", "payment_id"],
  (database, given) => {
    const reservation = Database.find(database, "reservations", given("reservation_id"))
    if (reservation === undefined) return "Error: reservation not found"
    const segments = given("flights")
    const total = priceChange(database, reservation, segments, given("cabin"))
    if (typeof total === "string") return total
    const methods = methodsOf(database, reservation)
    const refusal = paymentRefusal(methods, given("payment_id"), total)
    if (refusal !== undefined) return refusal
    takeFromGiftCard(database, reservation, given("payment_id"), total)
    // The cabin of the reservation stays the old one (sic), so the same change can be paid for twice.
    const owned = Database.own(database, "reservations", given("reservation_id"))
    assign(owned, "flights", segments)
    recordPayment(owned, given("payment_id"), total)
    return json(owned)
  }
)

const updateBaggages = tool(
  "UpdateReservationBaggages",
  ["reservation_id", "total_baggages", "nonfree_baggages", "payment_id"],
  (database, given) => {
    const reservation = Database.find(database, "reservations", given("reservation_id"))
    if (reservation === undefined) return "Error: reservation not found"
    const before = subscript(reservation, "nonfree_baggages")
    const more = operate("-", given("nonfree_baggages"), before)
    const total = operate("*", 50n, more > 0 ? more : 0n)
    const methods = methodsOf(database, reservation)
    const refusal = paymentRefusal(methods, given("payment_id"), total)
    if (refusal !== undefined) return refusal
    const owned = Database.own(database, "reservations", given("reservation_id"))
    assign(owned, "total_baggages", given("total_baggages"))
    assign(owned, "nonfree_baggages", given("nonfree_baggages"))
    takeFromGiftCard(database, owned, given("payment_id"), total)
    recordPayment(owned, given("payment_id"), total)
    return json(owned)
  }
)

const updatePassengers = tool(
  "UpdateReservationPassengers",
  ["reservation_id", "passengers"],
  (database, given) => {
    const reservation = Database.find(database, "reservations", given("reservation_id"))
    if (reservation === undefined) return "Error: reservation not found"
    if (length(given("passengers")) !== length(subscript(reservation, "passengers"))) {
      return "Error: number of passengers does not match"
    }
    const owned = Database.own(database, "reservations", given("reservation_id"))
    assign(owned, "passengers", given("passengers"))
    return json(owned)
  }
)

const cancel = tool("CancelReservation", ["reservation_id"], (database, given) => {
  const reservation = Database.find(database, "reservations", given("reservation_id"))
  if (reservation === undefined) return "Error: reservation not found"
  const refunds = iterate(subscript(reservation, "payment_history")).map((payment) =>
    dictOf({
      payment_id: subscript(payment, "payment_id"),
      amount: negate(subscript(payment, "amount"))
    })
  )
  // The refunds are only written down: no gift card gets its amount back (sic).
  const owned = Database.own(database, "reservations", given("reservation_id"))
  extend(subscript(owned, "payment_history"), refunds)
  assign(owned, "status", "cancelled")
  return json(owned)
})

const certificates = ["certificate_3221322", "certificate_3221323", "certificate_3221324"]

const sendCertificate = tool("SendCertificate", ["user_id", "amount"], (database, given) => {
  const user = Database.find(database, "users", given("user_id"))
  if (user === undefined) return "Error: user not found"
  const methods = subscript(user, "payment_methods")
  const id = certificates.find((certificate) => !contains(methods, certificate))
  // The original's loop ends without a return (sic).
  if (id === undefined) return null
  const owned = Database.own(database, "users", given("user_id"))
  const certificate = dictOf({ source: "certificate", amount: given("amount"), id })
  assign(subscript(owned, "payment_methods"), id, certificate)
  const [name, amount] = [str(given("user_id")), str(given("amount"))]
  return `Certificate ${id} added to user ${name} with amount ${amount}.`
})

export const airlineChangeTools = {
  cancel_reservation: cancel,
  send_certificate: sendCertificate,
  update_reservation_baggages: updateBaggages,
  update_reservation_flights: updateFlights,
  update_reservation_passengers: updatePassengers
}
