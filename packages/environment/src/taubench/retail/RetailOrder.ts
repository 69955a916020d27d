/**
 * The retail tools that change an order or an address but no items.
 * The checks come in the original's order, because the first that fails is what the agent reads.
 */
import * as Database from "../Database.ts"
import { operate, roundToHundredths } from "../python/Arithmetic.ts"
import {
  append,
  assign,
  contains,
  equals,
  extend,
  isLess,
  iterate,
  length,
  subscript
} from "../python/Operation.ts"
import { json } from "../python/Text.ts"
import { type Dict, dictOf, type Value } from "../python/Value.ts"
import { tool } from "../Tool.ts"

const addressParameters = ["address1", "address2", "city", "state", "country", "zip"] as const

const reasons: Array<Value> = ["no longer needed", "ordered by mistake"]

/** Adds an amount to the balance of a gift card, rounded to cents. */
export const addToBalance = (method: Value, operator: "+" | "-", amount: Value): void => {
  const balance = operate(operator, subscript(method, "balance"), amount, `${operator}=`)
  assign(method, "balance", roundToHundredths(balance))
}

/** A payment method of the user whose order it is, to be written. */
export const ownMethod = (database: Database.Database, order: Dict, id: Value): Value => {
  const user = Database.own(database, "users", subscript(order, "user_id"))
  return subscript(subscript(user, "payment_methods"), id)
}

/** The payment methods of the user whose order it is, to be read. */
export const methodsOf = (database: Database.Database, order: Dict): Value =>
  subscript(Database.at(database, "users", subscript(order, "user_id")), "payment_methods")

const payment = (kind: "payment" | "refund", amount: Value, method: Value): Dict =>
  dictOf({ transaction_type: kind, amount, payment_method_id: method })

const addressOf = (given: (name: (typeof addressParameters)[number]) => Value): Dict =>
  new Map(addressParameters.map((name) => [name, given(name)]))

/** What forbids to pay the order with the method instead, or undefined. */
const paymentRefusal = (
  database: Database.Database,
  order: Dict,
  methodId: Value
): string | undefined => {
  const methods = methodsOf(database, order)
  if (!contains(methods, methodId)) return "Error: payment method not found"
  const history = subscript(order, "payment_history")
  const isOnlyPayment =
    length(history) <= 1n &&
    equals(subscript(subscript(history, 0n), "transaction_type"), "payment")
  if (!isOnlyPayment) return "Error: there should be exactly one payment for a pending order"
  const first = subscript(history, 0n)
  if (equals(subscript(first, "payment_method_id"), methodId)) {
    return "Error: the new payment method should be different from the current one"
  }
  return lacksBalance(subscript(methods, methodId), subscript(first, "amount"))
    ? "Error: insufficient gift card balance to pay for the order"
    : undefined
}

/** Whether the method is a gift card that holds less than the amount. */
export const lacksBalance = (method: Value, amount: Value): boolean =>
  equals(subscript(method, "source"), "gift_card") && isLess(subscript(method, "balance"), amount)

/** Pays the order anew with the method and refunds the first payment; gift cards change at once. */
const payAnew = (database: Database.Database, order: Dict, methodId: Value): string => {
  const history = subscript(order, "payment_history")
  const first = subscript(history, 0n)
  const [amount, before] = [subscript(first, "amount"), subscript(first, "payment_method_id")]
  extend(history, [payment("payment", amount, methodId), payment("refund", amount, before)])
  const method = ownMethod(database, order, methodId)
  if (equals(subscript(method, "source"), "gift_card")) addToBalance(method, "-", amount)
  if (contains(before, "gift_card")) {
    addToBalance(ownMethod(database, order, before), "+", amount)
  }
  return json(order)
}

const cancel = (database: Database.Database, order: Dict, reason: Value): string => {
  const history = subscript(order, "payment_history")
  const refunds = iterate(history).map((paid) => {
    const [amount, id] = [subscript(paid, "amount"), subscript(paid, "payment_method_id")]
    if (contains(id, "gift_card")) addToBalance(ownMethod(database, order, id), "+", amount)
    return payment("refund", amount, id)
  })
  assign(order, "status", "cancelled")
  assign(order, "cancel_reason", reason)
  for (const refund of refunds) append(history, refund)
  return json(order)
}

export const retailOrderTools = {
  cancel_pending_order: tool("CancelPendingOrder", ["order_id", "reason"], (database, given) => {
    const order = Database.find(database, "orders", given("order_id"))
    if (order === undefined) return "Error: order not found"
    if (!equals(subscript(order, "status"), "pending")) {
      return "Error: non-pending order cannot be cancelled"
    }
    if (!contains(reasons, given("reason"))) return "Error: invalid reason"
    return cancel(database, Database.own(database, "orders", given("order_id")), given("reason"))
  }),
  modify_pending_order_address: tool(
    "ModifyPendingOrderAddress",
    ["order_id", ...addressParameters],
    (database, given) => {
      const order = Database.find(database, "orders", given("order_id"))
      if (order === undefined) return "Error: order not found"
      if (!equals(subscript(order, "status"), "pending")) {
        return "Error: non-pending order cannot be modified"
      }
      const owned = Database.own(database, "orders", given("order_id"))
      assign(owned, "address", addressOf(given))
      return json(owned)
    }
  ),
  modify_pending_order_payment: tool(
    "ModifyPendingOrderPayment",
    ["order_id", "payment_method_id"],
    (database, given) => {
      const order = Database.find(database, "orders", given("order_id"))
      if (order === undefined) return "Error: order not found"
      if (!equals(subscript(order, "status"), "pending")) {
        return "Error: non-pending order cannot be modified"
      }
      const refusal = paymentRefusal(database, order, given("payment_method_id"))
      if (refusal !== undefined) return refusal
      const owned = Database.own(database, "orders", given("order_id"))
      return payAnew(database, owned, given("payment_method_id"))
    }
  ),
  modify_user_address: tool(
    "ModifyUserAddress",
    ["user_id", ...addressParameters],
    (database, given) => {
      const user = Database.find(database, "users", given("user_id"))
      if (user === undefined) return "Error: user not found"
      const owned = Database.own(database, "users", given("user_id"))
      assign(owned, "address", addressOf(given))
      return json(owned)
    }
  )
}
