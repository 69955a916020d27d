/**
 * The retail tools that change, exchange or return the items of an order.
 * The checks come in the original's order; what it forgets to check is kept and named where it happens.
 */
import * as Database from "../Database.ts"
import { absolute, operate, roundToHundredths } from "../python/Arithmetic.ts"
import {
  append,
  assign,
  contains,
  count,
  equals,
  isTruthy,
  iterate,
  length,
  sorted,
  subscript
} from "../python/Operation.ts"
import { json, str } from "../python/Text.ts"
import { type Dict, dictOf, raise, type Value } from "../python/Value.ts"
import { tool } from "../Tool.ts"
import { addToBalance, lacksBalance, methodsOf, ownMethod } from "./RetailOrder.ts"

/** The first id that is asked for more often than the order has it, or undefined. */
const surplusItem = (order: Dict, ids: Value): Value | undefined => {
  const had = iterate(subscript(order, "items")).map((item) => subscript(item, "item_id"))
  return iterate(ids).find((id) => count(ids, id) > count(had, id))
}

const firstItem = (order: Dict, id: Value): Value =>
  iterate(subscript(order, "items")).find((item) => equals(subscript(item, "item_id"), id)) ??
  raise("IndexError", "list index out of range")

const variantsOf = (database: Database.Database, item: Value): Value =>
  subscript(Database.at(database, "products", subscript(item, "product_id")), "variants")

const pairs = (ids: Value, newIds: Value): ReadonlyArray<readonly [Value, Value]> => {
  const others = iterate(newIds)
  return iterate(ids)
    .slice(0, others.length)
    .map((id, index) => [id, others[index] ?? null] as const)
}

/**
 * What the new items cost more than the old ones, or the refusal. Two orders of the same item are both priced by the
 * first (sic), which is right only because an item has one price in an order.
 */
const priceDifference = (
  database: Database.Database,
  order: Dict,
  ids: Value,
  newIds: Value
): bigint | number | string => {
  const surplus = surplusItem(order, ids)
  if (surplus !== undefined) return `Error: ${str(surplus)} not found`
  if (length(ids) !== length(newIds)) {
    return "Error: the number of items to be exchanged should match"
  }
  let difference: bigint | number = 0n
  for (const [id, newId] of pairs(ids, newIds)) {
    const item = firstItem(order, id)
    const variants = variantsOf(database, item)
    if (
      !contains(variants, newId) ||
      !isTruthy(subscript(subscript(variants, newId), "available"))
    ) {
      return `Error: new item ${str(newId)} not found or available`
    }
    const price = subscript(subscript(variants, newId), "price")
    difference = operate("+", difference, operate("-", price, subscript(item, "price")), "+=")
  }
  return difference
}

/**
 * Books the difference and puts the new items in. The amount in the history is not rounded (sic): 10.1 - 9.2 stays
 * 0.9000000000000004 and decides the reward. A new item that equals a later old one is found again and replaced (sic).
 */
const replaceItems = (
  database: Database.Database,
  order: Dict,
  methodId: Value,
  items: { readonly ids: Value; readonly newIds: Value; readonly difference: bigint | number }
): string => {
  const { ids, newIds, difference } = items
  append(
    subscript(order, "payment_history"),
    dictOf({
      transaction_type: difference > 0 ? "payment" : "refund",
      amount: absolute(difference),
      payment_method_id: methodId
    })
  )
  const method = subscript(methodsOf(database, order), methodId)
  if (equals(subscript(method, "source"), "gift_card")) {
    addToBalance(ownMethod(database, order, methodId), "-", difference)
  }
  for (const [id, newId] of pairs(ids, newIds)) {
    const item = firstItem(order, id)
    const variant = subscript(variantsOf(database, item), newId)
    assign(item, "item_id", newId)
    assign(item, "price", subscript(variant, "price"))
    assign(item, "options", subscript(variant, "options"))
  }
  assign(order, "status", "pending (item modified)")
  return json(order)
}

const firstMethod = (order: Dict): Value =>
  subscript(subscript(subscript(order, "payment_history"), 0n), "payment_method_id")

const itemParameters = ["order_id", "item_ids", "new_item_ids", "payment_method_id"] as const

const modifyItems = tool("ModifyPendingOrderItems", itemParameters, (database, given) => {
  const order = Database.find(database, "orders", given("order_id"))
  if (order === undefined) return "Error: order not found"
  if (!equals(subscript(order, "status"), "pending")) {
    return "Error: non-pending order cannot be modified"
  }
  const [ids, newIds] = [given("item_ids"), given("new_item_ids")]
  const difference = priceDifference(database, order, ids, newIds)
  if (typeof difference === "string") return difference
  const methods = methodsOf(database, order)
  if (!contains(methods, given("payment_method_id"))) return "Error: payment method not found"
  if (lacksBalance(subscript(methods, given("payment_method_id")), difference)) {
    return "Error: insufficient gift card balance to pay for the new item"
  }
  const owned = Database.own(database, "orders", given("order_id"))
  return replaceItems(database, owned, given("payment_method_id"), { ids, newIds, difference })
})

const exchangeItems = tool("ExchangeDeliveredOrderItems", itemParameters, (database, given) => {
  const order = Database.find(database, "orders", given("order_id"))
  if (order === undefined) return "Error: order not found"
  if (!equals(subscript(order, "status"), "delivered")) {
    return "Error: non-delivered order cannot be exchanged"
  }
  const exact = priceDifference(database, order, given("item_ids"), given("new_item_ids"))
  if (typeof exact === "string") return exact
  const difference = roundToHundredths(exact)
  const methods = methodsOf(database, order)
  if (!contains(methods, given("payment_method_id"))) return "Error: payment method not found"
  if (lacksBalance(subscript(methods, given("payment_method_id")), difference)) {
    return "Error: insufficient gift card balance to pay for the price difference"
  }
  // The status is written before the ids are sorted, as there; no money moves yet.
  const owned = Database.own(database, "orders", given("order_id"))
  assign(owned, "status", "exchange requested")
  assign(owned, "exchange_items", sorted(given("item_ids")))
  assign(owned, "exchange_new_items", sorted(given("new_item_ids")))
  assign(owned, "exchange_payment_method_id", given("payment_method_id"))
  assign(owned, "exchange_price_difference", difference)
  return json(owned)
})

const returnItems = tool(
  "ReturnDeliveredOrderItems",
  ["order_id", "item_ids", "payment_method_id"],
  (database, given) => {
    const order = Database.find(database, "orders", given("order_id"))
    if (order === undefined) return "Error: order not found"
    if (!equals(subscript(order, "status"), "delivered")) {
      return "Error: non-delivered order cannot be returned"
    }
    const methodId = given("payment_method_id")
    if (!contains(methodsOf(database, order), methodId)) return "Error: payment method not found"
    if (!contains(methodId, "gift_card") && !equals(methodId, firstMethod(order))) {
      return "Error: payment method should be either the original payment method or a gift card"
    }
    if (surplusItem(order, given("item_ids")) !== undefined) return "Error: some item not found"
    const owned = Database.own(database, "orders", given("order_id"))
    assign(owned, "status", "return requested")
    assign(owned, "return_items", sorted(given("item_ids")))
    assign(owned, "return_payment_method_id", methodId)
    return json(owned)
  }
)

export const retailItemTools = {
  exchange_delivered_order_items: exchangeItems,
  modify_pending_order_items: modifyItems,
  return_delivered_order_items: returnItems
}
