/**
 * The 16 retail and 14 airline tools of tau-bench, called by name as its `Env.step` does.
 * It changes the given database and answers; users, turns and rewards are elsewhere.
 */
import * as Result from "effect/Result"
import { airlineBookingTools } from "./airline/AirlineBooking.ts"
import { airlineChangeTools } from "./airline/AirlineChange.ts"
import { airlineReadTools } from "./airline/AirlineRead.ts"
import { commonTools } from "./CommonTool.ts"
import type { Database, Domain } from "./Database.ts"
import { type Dict, type ExceptionName, PythonException } from "./python/Value.ts"
import { retailItemTools } from "./retail/RetailItems.ts"
import { retailOrderTools } from "./retail/RetailOrder.ts"
import { retailReadTools } from "./retail/RetailRead.ts"
import { bind, type Tool } from "./Tool.ts"

/** The tools of a domain by their names. */
export const toolsOf: Readonly<Record<Domain, ReadonlyMap<string, Tool>>> = {
  retail: new Map<string, Tool>(
    Object.entries({ ...commonTools, ...retailReadTools, ...retailOrderTools, ...retailItemTools })
  ),
  airline: new Map<string, Tool>(
    Object.entries({
      ...commonTools,
      ...airlineReadTools,
      ...airlineBookingTools,
      ...airlineChangeTools
    })
  )
}

/**
 * What a call gives. `observation` is null where the original returns None (a fourth certificate), else the text that
 * the agent reads: a result, a refusal that starts with `Error: `, or the text of the exception in `raised`.
 */
export interface Answer {
  readonly observation: string | null
  readonly raised?: ExceptionName | undefined
  readonly isKnown: boolean
}

/**
 * Calls a tool on the database and writes to it. Never fails: a wrong name, wrong arguments and exceptions in the
 * middle of a tool are the observations that the original gives, and what was written before an exception stays.
 */
export const call = (database: Database, name: string, given: Dict): Answer => {
  const { domain } = database.base
  const found = toolsOf[domain].get(name)
  if (found === undefined) return { observation: `Unknown action ${name}`, isKnown: false }
  const home = `tau_bench.envs.${domain}.tools.${found.module}`
  const result = Result.try({
    try: () => found.invoke(database, bind(found, home, given)),
    catch: exceptionOf
  })
  return Result.match(result, {
    onSuccess: (observation): Answer => ({ observation, isKnown: true }),
    onFailure: (raised): Answer => ({
      observation: `Error: ${raised.message}`,
      raised: raised.exception,
      isKnown: true
    })
  })
}

/** Anything but an exception of Python is a defect of ours. */
const exceptionOf = (cause: unknown): PythonException => {
  if (!(cause instanceof PythonException)) throw cause
  return cause
}
