/**
 * The three tools that both domains have. None of them touches the database.
 */
import { roundToHundredths } from "./python/Arithmetic.ts"
import * as Expression from "./python/Expression.ts"
import { contains, iterate } from "./python/Operation.ts"
import { str } from "./python/Text.ts"
import { raise } from "./python/Value.ts"
import { tool } from "./Tool.ts"

const alphabet = "0123456789+-*/(). "

export const commonTools = {
  calculate: tool("Calculate", ["expression"], (_, given) => {
    const expression = given("expression")
    const isRefused = iterate(expression).some((character) => !contains(alphabet, character))
    if (isRefused) return "Error: invalid characters in expression"
    if (typeof expression !== "string") {
      return raise("TypeError", "eval() arg 1 must be a string, bytes or code object")
    }
    return str(roundToHundredths(Expression.evaluate(expression)))
  }),
  think: tool("Think", ["thought"], () => ""),
  transfer_to_human_agents: tool("TransferToHumanAgents", ["summary"], () => "Transfer successful")
}
