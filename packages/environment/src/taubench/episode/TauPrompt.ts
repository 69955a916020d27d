/**
 * What an agent of tau-bench is told before the customer speaks: the policy, and for agents that write their actions as
 * text also the tools and how to call them. It holds nothing of the task.
 */
import { json } from "../python/Text.ts"
import type { TauDomain } from "../TauData.ts"

/**
 * `tools`: policy, tools and the form of an action, for a policy that writes text; `policy`: the policy alone, for
 * function-calling agents, who get the tools apart, as in the original. Its agents never see the policy's `rules`, and so
 * neither do ours.
 */
export const forms = ["tools", "policy"] as const
export type Form = (typeof forms)[number]

export const systemPrompt = (
  { tools, wiki }: Pick<TauDomain, "tools" | "wiki">,
  form: Form
): string => (form === "policy" ? wiki : `${wiki}\n#Available tools\n${json(tools)}${howToAct}`)

const howToAct = `
# Instruction
You need to act as an agent that uses the above tools to help the user according to the above policy.

At each step, your generation should have exactly the following format:
Thought:
<A single line of reasoning to process the context and inform the decision. Do not include extra lines.>
Action:
{"name": <The name of the action>, "arguments": <The arguments to the action in json format>}

The Action will be parsed, so it must be valid JSON. You should not use made-up or placeholder arguments.

To speak to the user, the action is
{"name": "respond", "arguments": {"content": <What you say>}}

Try to be helpful and always follow the policy.
`
