import { describe, expect, it } from "vitest"
import { own } from "../../src/taubench/Database.ts"
import * as DatabaseHash from "../../src/taubench/DatabaseHash.ts"
import { append, subscript } from "../../src/taubench/python/Operation.ts"
import { episode, given, shopTables } from "./tiny.ts"

const shop = () => episode(shopTables)

const addressed = (key: string, id: string): string =>
  `{"${key}": "${id}", "address1": "a", "address2": "b", "city": "c", "state": "d", "country": "e", "zip": "f"}`

describe("The shop refuses in the original's order and words, and changes nothing:", () => {
  it.each([
    ["get_order_details", '{"order_id": "#9"}', "Error: order not found"],
    ["get_order_details", '{"order_id": ["#1"]}', "Error: unhashable type: 'list'"],
    ["get_product_details", '{"product_id": 9000000000}', "Error: product not found"],
    ["get_user_details", '{"user_id": null}', "Error: user not found"],
    ["find_user_id_by_email", '{"email": 5}', "Error: 'int' object has no attribute 'lower'"],
    [
      "find_user_id_by_name_zip",
      '{"first_name": "ann", "last_name": "lee", "zip": 1}',
      "Error: user not found"
    ],
    [
      "cancel_pending_order",
      '{"order_id": "#2", "reason": "x"}',
      "Error: non-pending order cannot be cancelled"
    ],
    ["cancel_pending_order", '{"order_id": "#1", "reason": "x"}', "Error: invalid reason"],
    ["modify_pending_order_address", addressed("order_id", "#9"), "Error: order not found"],
    [
      "modify_pending_order_address",
      addressed("order_id", "#2"),
      "Error: non-pending order cannot be modified"
    ],
    ["modify_user_address", addressed("user_id", "eve"), "Error: user not found"],
    [
      "modify_pending_order_payment",
      '{"order_id": "#1", "payment_method_id": "paypal_9"}',
      "Error: payment method not found"
    ],
    [
      "modify_pending_order_payment",
      '{"order_id": "#1", "payment_method_id": "gift_card_1"}',
      "Error: the new payment method should be different from the current one"
    ],
    [
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["31", "31", "31"], "new_item_ids": [], "payment_method_id": "paypal_1"}',
      "Error: 31 not found"
    ],
    [
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["31"], "new_item_ids": [], "payment_method_id": "paypal_1"}',
      "Error: the number of items to be exchanged should match"
    ],
    [
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["31"], "new_item_ids": ["33"], "payment_method_id": "paypal_1"}',
      "Error: new item 33 not found or available"
    ],
    [
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["31"], "new_item_ids": ["34"], "payment_method_id": "gift_card_1"}',
      "Error: insufficient gift card balance to pay for the new item"
    ],
    [
      "exchange_delivered_order_items",
      '{"order_id": "#1", "item_ids": [], "new_item_ids": [], "payment_method_id": "x"}',
      "Error: non-delivered order cannot be exchanged"
    ],
    [
      "exchange_delivered_order_items",
      '{"order_id": "#2", "item_ids": ["32"], "new_item_ids": ["34"], "payment_method_id": "gift_card_1"}',
      "Error: insufficient gift card balance to pay for the price difference"
    ],
    [
      "exchange_delivered_order_items",
      '{"order_id": "#2", "item_ids": {"32": 1}, "new_item_ids": ["34"], "payment_method_id": "x"}',
      "Error: 'dict' object has no attribute 'count'"
    ],
    [
      "return_delivered_order_items",
      '{"order_id": "#2", "item_ids": ["32"], "payment_method_id": "credit_card_1"}',
      "Error: payment method should be either the original payment method or a gift card"
    ],
    [
      "return_delivered_order_items",
      '{"order_id": "#2", "item_ids": ["32", "32"], "payment_method_id": "gift_card_1"}',
      "Error: some item not found"
    ],
    ["think", "{}", "Error: Think.invoke() missing 1 required positional argument: 'thought'"],
    [
      "modify_user_address",
      '{"user_id": "ann", "city": "X"}',
      "Error: ModifyUserAddress.invoke() missing 5 required positional arguments: 'address1', 'address2', 'state', 'country', and 'zip'"
    ],
    [
      "cancel_pending_order",
      '{"a": 1, "b": 2}',
      "Error: CancelPendingOrder.invoke() got an unexpected keyword argument 'a'"
    ],
    [
      "cancel_pending_order",
      '{"data": 1}',
      "Error: tau_bench.envs.retail.tools.cancel_pending_order.CancelPendingOrder.invoke() got multiple values for keyword argument 'data'"
    ],
    ["fly", "{}", "Unknown action fly"],
    ["calculate", '{"expression": "1,000"}', "Error: invalid characters in expression"],
    [
      "calculate",
      '{"expression": ["1", "2"]}',
      "Error: eval() arg 1 must be a string, bytes or code object"
    ]
  ])("%s %s", (name, json, observation) => {
    const { call, database } = shop()
    expect(call(name, json)).toBe(observation)
    expect(database.changed.size).toBe(0)
  })
})

describe("The shop", () => {
  it("finds customers whatever the case, and lists products by name", () => {
    const { call } = shop()
    expect(call("find_user_id_by_email", '{"email": "ANN@EXAMPLE.COM"}')).toBe("ann")
    const named = '{"first_name": "BOB", "last_name": "lee", "zip": "2"}'
    expect(call("find_user_id_by_name_zip", named)).toBe("bob")
    expect(call("list_all_product_types")).toBe('{"Bowl": "11", "Cup": "9000000000"}')
    expect(call("transfer_to_human_agents", '{"summary": ""}')).toBe("Transfer successful")
    expect(call("think", '{"thought": 5}')).toBe("")
  })

  it("refunds a cancelled order to its gift card at once, in cents", () => {
    const { call } = shop()
    const cancelled = call(
      "cancel_pending_order",
      '{"order_id": "#1", "reason": "no longer needed"}'
    )
    expect(cancelled).toContain(
      '"status": "cancelled", "payment_history": [{"transaction_type": "payment", "amount": 29.4, "payment_method_id": "gift_card_1"}, {"transaction_type": "refund", "amount": 29.4, "payment_method_id": "gift_card_1"}], "cancel_reason": "no longer needed"}'
    )
    expect(call("get_user_details", '{"user_id": "ann"}')).toContain('"balance": 34.4}')
  })

  it("does not round what modified items cost, but rounds the gift card", () => {
    const { call } = shop()
    const modified = call(
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["32"], "new_item_ids": ["31"], "payment_method_id": "gift_card_1"}'
    )
    expect(modified).toContain('"amount": 0.9000000000000004, "payment_method_id": "gift_card_1"')
    expect(modified).toContain('"status": "pending (item modified)"')
    expect(call("get_user_details", '{"user_id": "ann"}')).toContain('"balance": 4.1}')
    const again = '{"order_id": "#1", "reason": "no longer needed"}'
    expect(call("cancel_pending_order", again)).toBe("Error: non-pending order cannot be cancelled")
  })

  it("changes a new item once more where a later old one has its id, as the original does", () => {
    const { call } = shop()
    const modified = call(
      "modify_pending_order_items",
      '{"order_id": "#1", "item_ids": ["31", "32"], "new_item_ids": ["32", "34"], "payment_method_id": "paypal_1"}'
    )
    const ids = Array.from(modified?.matchAll(/"item_id": "(\d+)"/g) ?? [], ([, id]) => id)
    expect(ids).toEqual(["34", "31", "32"])
  })

  it("pays with another card and gives the first its money back", () => {
    const { call } = shop()
    const paid = call(
      "modify_pending_order_payment",
      '{"order_id": "#1", "payment_method_id": "gift_card_2"}'
    )
    expect(paid).toContain(
      '"status": "pending", "payment_history": [{"transaction_type": "payment", "amount": 29.4, "payment_method_id": "gift_card_1"}, {"transaction_type": "payment", "amount": 29.4, "payment_method_id": "gift_card_2"}, {"transaction_type": "refund", "amount": 29.4, "payment_method_id": "gift_card_1"}]}'
    )
    const user = call("get_user_details", '{"user_id": "ann"}')
    expect(user).toContain('"id": "gift_card_1", "balance": 34.4}')
    expect(user).toContain('"id": "gift_card_2", "balance": 271.15}')
    expect(
      call("modify_pending_order_payment", '{"order_id": "#1", "payment_method_id": "paypal_1"}')
    ).toBe("Error: there should be exactly one payment for a pending order")
  })

  it("takes no other payment where an order was paid twice", () => {
    const { call, database } = shop()
    const second = given(
      '{"transaction_type": "payment", "amount": 1, "payment_method_id": "paypal_1"}'
    )
    append(subscript(own(database, "orders", "#1"), "payment_history"), second)
    expect(
      call("modify_pending_order_payment", '{"order_id": "#1", "payment_method_id": "paypal_1"}')
    ).toBe("Error: there should be exactly one payment for a pending order")
  })

  it("asks for an exchange or a return with sorted items, and moves no money yet", () => {
    const exchange = shop()
    expect(
      exchange.call(
        "exchange_delivered_order_items",
        '{"order_id": "#2", "item_ids": ["32"], "new_item_ids": ["34"], "payment_method_id": "paypal_1"}'
      )
    ).toContain(
      '"status": "exchange requested", "payment_history": [{"transaction_type": "payment", "amount": 9.2, "payment_method_id": "paypal_1"}], "exchange_items": ["32"], "exchange_new_items": ["34"], "exchange_payment_method_id": "paypal_1", "exchange_price_difference": 240.8}'
    )
    expect(Array.from(exchange.database.changed.keys())).toEqual(["orders"])
    expect(
      shop().call(
        "return_delivered_order_items",
        '{"order_id": "#2", "item_ids": "", "payment_method_id": "gift_card_1"}'
      )
    ).toContain('"return_items": [], "return_payment_method_id": "gift_card_1"}')
  })

  it("writes an address in the original's order of keys, whatever the order given", () => {
    const address =
      '"zip": "9", "city": null, "state": "S", "country": "C", "address2": "", "address1": 1.0'
    const { call, database } = shop()
    expect(call("modify_user_address", `{"user_id": "bob", ${address}}`)).toContain(
      '"address": {"address1": 1.0, "address2": "", "city": null, "state": "S", "country": "C", "zip": "9"}'
    )
    expect(call("modify_pending_order_address", `{"order_id": "#1", ${address}}`)).toContain(
      '"zip": "9"'
    )
    expect(DatabaseHash.differences(database, shop().database).map(({ id }) => id)).toEqual([
      "#1",
      "bob"
    ])
  })
})
