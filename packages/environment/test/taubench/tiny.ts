import { Result } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Database from "../../src/taubench/Database.ts"
import * as JsonReader from "../../src/taubench/python/JsonReader.ts"
import { type Dict, isDict } from "../../src/taubench/python/Value.ts"
import * as TauData from "../../src/taubench/TauData.ts"
import * as TauTools from "../../src/taubench/TauTools.ts"

/** A shop of two customers, three orders and two products, invented. */
export const shop: Readonly<Record<string, string>> = {
  orders: `{
    "#1": {"order_id": "#1", "user_id": "ann", "address": {"zip": "1"}, "items": [
        {"name": "Cup", "product_id": "9000000000", "item_id": "31", "price": 10.1, "options": {"colour": "red"}},
        {"name": "Cup", "product_id": "9000000000", "item_id": "31", "price": 10.1, "options": {"colour": "red"}},
        {"name": "Cup", "product_id": "9000000000", "item_id": "32", "price": 9.2, "options": {"colour": "blue"}}],
      "fulfillments": [], "status": "pending",
      "payment_history": [{"transaction_type": "payment", "amount": 29.4, "payment_method_id": "gift_card_1"}]},
    "#2": {"order_id": "#2", "user_id": "ann", "address": {"zip": "1"}, "items": [
        {"name": "Cup", "product_id": "9000000000", "item_id": "32", "price": 9.2, "options": {"colour": "blue"}}],
      "fulfillments": [], "status": "delivered",
      "payment_history": [{"transaction_type": "payment", "amount": 9.2, "payment_method_id": "paypal_1"}]},
    "#3": {"order_id": "#3", "user_id": "bob", "address": {"zip": "2"}, "items": [], "fulfillments": [],
      "status": "cancelled", "payment_history": []}
  }`,
  products: `{
    "9000000000": {"name": "Cup", "product_id": "9000000000", "variants": {
      "31": {"item_id": "31", "options": {"colour": "red"}, "available": true, "price": 10.1},
      "32": {"item_id": "32", "options": {"colour": "blue"}, "available": true, "price": 9.2},
      "33": {"item_id": "33", "options": {"colour": "green"}, "available": false, "price": 9.2},
      "34": {"item_id": "34", "options": {"colour": "gold"}, "available": true, "price": 250.0}}},
    "11": {"name": "Bowl", "product_id": "11", "variants": {}}
  }`,
  users: `{
    "ann": {"name": {"first_name": "Ann", "last_name": "Lee"}, "address": {"zip": "1"}, "email": "Ann@example.com",
      "payment_methods": {"gift_card_1": {"source": "gift_card", "id": "gift_card_1", "balance": 5},
        "paypal_1": {"source": "paypal", "id": "paypal_1"},
        "gift_card_2": {"source": "gift_card", "id": "gift_card_2", "balance": 300.55},
        "credit_card_1": {"source": "credit_card", "id": "credit_card_1"}}, "orders": ["#1", "#2"]},
    "bob": {"name": {"first_name": "Bob", "last_name": "Lee"}, "address": {"zip": "2"}, "email": "bob@example.com",
      "payment_methods": {}, "orders": ["#3"]}
  }`
}

/** An airline of three flights, two reservations and a customer, invented. */
export const airline: Readonly<Record<string, string>> = {
  flights: `{
    "F1": {"flight_number": "F1", "origin": "JFK", "destination": "ORD", "scheduled_departure_time_est": "08:00:00",
      "scheduled_arrival_time_est": "09:00:00", "dates": {
        "2024-05-09": {"status": "landed"},
        "2024-05-20": {"status": "available", "available_seats": {"economy": 2, "business": 0},
          "prices": {"economy": 100, "business": 300}}}},
    "F2": {"flight_number": "F2", "origin": "ORD", "destination": "SEA", "scheduled_departure_time_est": "10:00:00",
      "scheduled_arrival_time_est": "12:00:00", "dates": {
        "2024-05-20": {"status": "available", "available_seats": {"economy": 9, "business": 9},
          "prices": {"economy": 50, "business": 80}},
        "2024-05-22": {"status": "available", "available_seats": {"economy": 9, "business": 9},
          "prices": {"economy": 51, "business": 81}}}},
    "F3": {"flight_number": "F3", "origin": "LGA", "destination": "ORD", "scheduled_departure_time_est": "23:00:00",
      "scheduled_arrival_time_est": "01:00:00+1", "dates": {
        "2024-05-21": {"status": "available", "available_seats": {"economy": 9, "business": 9},
          "prices": {"economy": 60, "business": 90}}}}
  }`,
  reservations: `{
    "R1": {"reservation_id": "R1", "user_id": "ann", "origin": "JFK", "destination": "ORD", "flight_type": "one_way",
      "cabin": "economy", "flights": [{"origin": "JFK", "destination": "ORD", "flight_number": "F1",
        "date": "2024-05-20", "price": 90}], "passengers": [{"first_name": "Ann"}, {"first_name": "Bo"}],
      "payment_history": [{"payment_id": "credit_card_1", "amount": 180}], "created_at": "2024-05-01T00:00:00",
      "total_baggages": 1, "nonfree_baggages": 0, "insurance": "no"},
    "R2": {"reservation_id": "R2", "user_id": "bob", "origin": "ORD", "destination": "SEA", "flight_type": "one_way",
      "cabin": "business", "flights": [], "passengers": [], "payment_history": [], "nonfree_baggages": 0}
  }`,
  users: `{
    "ann": {"payment_methods": {"gift_card_1": {"source": "gift_card", "amount": 100},
        "certificate_1": {"source": "certificate", "amount": 60},
        "credit_card_1": {"source": "credit_card"}}, "reservations": ["R1"]},
    "bob": {"payment_methods": {}, "reservations": ["R2"]}
  }`
}

const tablesOf = (domain: Database.Domain, texts: Readonly<Record<string, string>>) =>
  TauData.tablesFrom(
    domain,
    new Map(
      Object.entries(texts).map(([name, text]) => [
        name,
        Result.getOrThrow(TauData.parseTable(text, `${name}.json`, domain, name))
      ])
    )
  )

export const shopTables = tablesOf("retail", shop)
export const airlineTables = tablesOf("airline", airline)

/** Arguments written as JSON, ints apart from floats. */
export const given = (json: string): Dict => {
  const value = Result.getOrThrow(JsonReader.read(json))
  return isDict(value) ? value : new Map()
}

/** An episode, and what its tools answer. */
export const episode = (tables: Database.Tables) => {
  const database = Database.start(tables)
  const call = (name: string, json = "{}") => TauTools.call(database, name, given(json)).observation
  return { database, call }
}

const root = fileURLToPath(new URL("../../../..", import.meta.url))

/** TAU_BENCH_DATA, or the folder beside the repository; undefined where neither is. */
export const tauBenchData = [
  process.env["TAU_BENCH_DATA"],
  `${root}/../shared/data/tau-bench`
].find((folder) => folder !== undefined && existsSync(`${folder}/retail/orders.json`))
