/**
 * tau-bench's tools as tau2-bench has them: the same databases and effects, with the few rules that differ.
 * The texts of refusals are tau-bench's. They differ from tau2's in capitals and are never scored.
 *
 * Differs in tau2: an order whose items were modified can still get another address or payment; an item cannot be replaced
 * by itself; `get_item_details` exists and `think` does not.
 */
import * as Database from "../taubench/Database.ts"
import type { Desk } from "../taubench/episode/Conversation.ts"
import * as TauEpisode from "../taubench/episode/TauEpisode.ts"
import { stop } from "../taubench/episode/UserSimulator.ts"
import { json } from "../taubench/python/Text.ts"
import { dictOf, isDict, isList, type Dict } from "../taubench/python/Value.ts"
import { done } from "./GymText.ts"

export const desk: Desk<Database.Database> = {
  fork: Database.fork,
  call: (database, name, given) => {
    const own = database.base.domain === "retail" ? retail.get(name) : undefined
    if (name === done) return stop
    if (name === "think") return `Unknown action ${name}`
    return (own ?? TauEpisode.tools.call)(database, name, given)
  }
}

/** What the model is told of the one tool that tau-bench has not. */
export const getItemDetails: Dict = dictOf({
  type: "function",
  function: dictOf({
    name: "get_item_details",
    description: "Get the inventory details of an item.",
    parameters: dictOf({
      type: "object",
      properties: dictOf({
        item_id: dictOf({
          type: "string",
          description: "The item id, such as '6086499569'. It is different from the product id."
        })
      }),
      required: ["item_id"]
    })
  })
})

type Call = Desk<Database.Database>["call"]

const pending = "pending"

/** Runs the tool as if an order that is `pending (item modified)` were `pending`, which it is again for no other tool. */
const alsoWhenModified: Call = (database, name, given) => {
  const id = given.get("order_id")
  const status =
    typeof id === "string" ? Database.find(database, "orders", id)?.get("status") : undefined
  const isModified = typeof status === "string" && status !== pending && status.includes(pending)
  if (!isModified || typeof id !== "string") return TauEpisode.tools.call(database, name, given)
  const order = Database.own(database, "orders", id)
  order.set("status", pending)
  const result = TauEpisode.tools.call(database, name, given)
  order.set("status", status)
  return result.startsWith("Error") ? result : json(order)
}

const toOtherItems: Call = (database, name, given) => {
  const [before, after] = [given.get("item_ids"), given.get("new_item_ids")]
  const isSame = isList(before) && isList(after) && before.some((item, i) => item === after[i])
  return isSame
    ? "Error: the new item id should be different from the old item id"
    : TauEpisode.tools.call(database, name, given)
}

const itemDetails: Call = (database, _, given) => {
  const id = given.get("item_id")
  if (typeof id !== "string" || given.size !== 1)
    return "Error: get_item_details needs the string item_id"
  for (const [, product] of Database.records(database, "products")) {
    const variants = product.get("variants")
    const variant = isDict(variants) ? variants.get(id) : undefined
    if (variant !== undefined) return json(variant)
  }
  return "Error: item not found"
}

const retail: ReadonlyMap<string, Call> = new Map([
  ["modify_pending_order_address", alsoWhenModified],
  ["modify_pending_order_payment", alsoWhenModified],
  ["modify_pending_order_items", toOtherItems],
  ["get_item_details", itemDetails]
])
