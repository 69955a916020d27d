/**
 * The retail tools that only look: users by email or name, orders, products.
 * None of them changes a record.
 */
import * as Database from "../Database.ts"
import { equals, lower, subscript } from "../python/Operation.ts"
import { byCodePoint, json, str } from "../python/Text.ts"
import type { Value } from "../python/Value.ts"
import { tool } from "../Tool.ts"

/** The JSON of a record, or the refusal where there is none. */
const shown = (database: Database.Database, table: string, id: Value, refusal: string): string => {
  const record = Database.find(database, table, id)
  return record === undefined ? refusal : json(record)
}

export const retailReadTools = {
  find_user_id_by_email: tool("FindUserIdByEmail", ["email"], (database, given) => {
    for (const [id, user] of Database.records(database, "users")) {
      if (lower(subscript(user, "email")) === lower(given("email"))) return id
    }
    return "Error: user not found"
  }),
  find_user_id_by_name_zip: tool(
    "FindUserIdByNameZip",
    ["first_name", "last_name", "zip"],
    (database, given) => {
      for (const [id, user] of Database.records(database, "users")) {
        const name = subscript(user, "name")
        const isNamed =
          lower(subscript(name, "first_name")) === lower(given("first_name")) &&
          lower(subscript(name, "last_name")) === lower(given("last_name"))
        if (isNamed && equals(subscript(subscript(user, "address"), "zip"), given("zip"))) return id
      }
      return "Error: user not found"
    }
  ),
  get_order_details: tool("GetOrderDetails", ["order_id"], (database, given) =>
    shown(database, "orders", given("order_id"), "Error: order not found")
  ),
  get_product_details: tool("GetProductDetails", ["product_id"], (database, given) =>
    shown(database, "products", given("product_id"), "Error: product not found")
  ),
  get_user_details: tool("GetUserDetails", ["user_id"], (database, given) =>
    shown(database, "users", given("user_id"), "Error: user not found")
  ),
  list_all_product_types: tool("ListAllProductTypes", [], (database) => {
    const products = Array.from(Database.records(database, "products"), ([, product]) => product)
    const byName = new Map(
      products.map((product) => [str(subscript(product, "name")), subscript(product, "product_id")])
    )
    const names = Array.from(byName).sort(([left], [right]) => byCodePoint(left, right))
    return json(new Map(names))
  })
}
