import { Effect, FileSystem } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const address = {
  address1: "1 Road",
  address2: "",
  city: "Ulm",
  country: "Germany",
  state: "BW",
  zip: "89073"
}

const users = {
  ada_1: {
    name: { first_name: "Ada", last_name: "Lee" },
    address,
    email: "ada@example.com",
    payment_methods: {
      gift_card_1: { source: "gift_card", id: "gift_card_1", balance: 5 },
      paypal_1: { source: "paypal", id: "paypal_1" }
    },
    orders: ["#W1"]
  }
}

const item = { name: "Mug", product_id: "20", item_id: "10", price: 7.5, options: { size: "S" } }

const orders = {
  "#W1": {
    order_id: "#W1",
    user_id: "ada_1",
    address,
    items: [item],
    fulfillments: [],
    status: "pending",
    payment_history: [
      { transaction_type: "payment", amount: 7.5, payment_method_id: "gift_card_1" }
    ]
  }
}

const products = {
  "20": {
    name: "Mug",
    product_id: "20",
    variants: { "10": { item_id: "10", options: { size: "S" }, available: true, price: 7.5 } }
  }
}

const tasks = [
  {
    user_id: "ada_1",
    instruction: "You are Ada. Cancel order #W1, you do not need it, and ask what comes back.",
    actions: [
      { name: "cancel_pending_order", kwargs: { order_id: "#W1", reason: "no longer needed" } },
      { name: "transfer_to_human_agents", kwargs: { summary: "unused" } }
    ],
    outputs: ["1000.50"]
  }
]

export const policy = {
  wiki: "# Policy\nBe kind.",
  rules: [],
  terminate_tools: ["transfer_to_human_agents"]
}

export const tools = [{ type: "function", function: { name: "think", parameters: {} } }]

/** An invented shop in the layout of tau-bench's data. */
export const files: Readonly<Record<string, unknown>> = {
  "/data/retail/users.json": users,
  "/data/retail/orders.json": orders,
  "/data/retail/products.json": products,
  "/data/retail/policy.json": policy,
  "/data/retail/tools.json": tools,
  "/data/retail/tasks_test.json": tasks
}

/** A disk with these files; a text is a file as it is, anything else is written as JSON. */
export const diskOf = (contents: Readonly<Record<string, unknown>>) =>
  FileSystem.layerNoop({
    readFileString: (file) => {
      const content = contents[file]
      return Effect.succeed(typeof content === "string" ? content : (JSON.stringify(content) ?? ""))
    }
  })

/** What solves the task of the invented shop, when the customer reads their instruction out. */
export const solution = [
  '{"name": "cancel_pending_order", "arguments": {"order_id": "#W1", "reason": "no longer needed"}}',
  "Is 1,000.50 right?",
  "Done."
]

const root = fileURLToPath(new URL("../../../../../..", import.meta.url))

/** TAU_BENCH_DATA, or the folder beside the repository; undefined where neither is. */
export const tauData = [process.env["TAU_BENCH_DATA"], `${root}/shared/data/tau-bench`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/airline/flights.json`)
)

if (tauData === undefined) {
  console.info("No TAU_BENCH_DATA, no ../shared/data/tau-bench: tests on its data are skipped.")
}
