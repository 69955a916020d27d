/**
 * What the tools need of the records of each table: the fields, and what they are.
 * Fields that no tool reads are not asked for, and surplus ones do no harm.
 */
import type { Domain } from "./Database.ts"
import { isDict, isList, type Value } from "./python/Value.ts"

/** A kind of value; `fields` of a dict, `each` of a list's elements or a dict's values. */
export type Shape =
  | "text"
  | "number"
  | "boolean"
  | "list"
  | "dict"
  | { readonly fields: Readonly<Record<string, Shape>> }
  | { readonly each: Shape; readonly of: "list" | "dict" }

const listOf = (each: Shape): Shape => ({ each, of: "list" })
const dictOf = (each: Shape): Shape => ({ each, of: "dict" })
const record = (fields: Readonly<Record<string, Shape>>): Shape => ({ fields })

/** The tables of each domain, and the shape of a record of each. */
export const tablesOf: Readonly<Record<Domain, Readonly<Record<string, Shape>>>> = {
  retail: {
    orders: record({
      user_id: "text",
      status: "text",
      items: listOf(record({ product_id: "text", item_id: "text", price: "number" })),
      payment_history: listOf(
        record({ transaction_type: "text", amount: "number", payment_method_id: "text" })
      )
    }),
    products: record({
      name: "text",
      product_id: "text",
      variants: dictOf(record({ available: "boolean", price: "number", options: "dict" }))
    }),
    users: record({
      name: record({ first_name: "text", last_name: "text" }),
      address: record({ zip: "text" }),
      email: "text",
      payment_methods: dictOf(record({ source: "text" }))
    })
  },
  airline: {
    flights: record({
      origin: "text",
      destination: "text",
      scheduled_departure_time_est: "text",
      scheduled_arrival_time_est: "text",
      dates: dictOf(record({ status: "text" }))
    }),
    reservations: record({
      user_id: "text",
      cabin: "text",
      flights: listOf(
        record({
          flight_number: "text",
          date: "text",
          price: "number",
          origin: "text",
          destination: "text"
        })
      ),
      passengers: "list",
      payment_history: listOf(record({ payment_id: "text", amount: "number" })),
      nonfree_baggages: "number"
    }),
    users: record({ payment_methods: dictOf(record({ source: "text" })), reservations: "list" })
  }
}

/** Where a value is not of the shape, as `items.0.price`; undefined where it is. */
export const misfit = (
  value: Value | undefined,
  shape: Shape,
  path: string
): string | undefined => {
  if (typeof shape === "string") return isOf(value, shape) ? undefined : path
  if ("fields" in shape) {
    if (!isDict(value)) return path
    return first(Object.entries(shape.fields), ([key, field]) =>
      misfit(value.get(key), field, `${path}.${key}`)
    )
  }
  if (!isOf(value, shape.of)) return path
  const inside = (key: string | number, element: Value) =>
    misfit(element, shape.each, `${path}.${key}`)
  if (isDict(value)) return first(value, ([key, element]) => inside(key, element))
  return first(isList(value) ? value.entries() : [], ([at, element]) => inside(at, element))
}

const isOf = (value: Value | undefined, shape: Shape & string): boolean => {
  if (shape === "list") return isList(value)
  if (shape === "dict") return isDict(value)
  if (shape === "number") return typeof value === "number" || typeof value === "bigint"
  return typeof value === (shape === "text" ? "string" : "boolean")
}

const first = <A>(
  values: Iterable<A>,
  find: (value: A) => string | undefined
): string | undefined => {
  for (const value of values) {
    const found = find(value)
    if (found !== undefined) return found
  }
  return undefined
}
