/**
 * Where names lead during the tests: to the sources of this workspace.
 * A test that ran against an old build would pass for the wrong reason.
 */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { expect, it } from "vitest"

const isSource = /\/packages\/domain\/src\/index\.ts$/

it("a package of the workspace is its source, without a build", () => {
  expect(import.meta.resolve("@dreamgym/domain")).toMatch(isSource)
})

it("a worker that a test starts sees the same source", async () => {
  const program = `const place = require.resolve("@dreamgym/domain")
    require("node:worker_threads").parentPort.postMessage(place)`
  const worker = new Worker(program, { eval: true })
  const outcome = await Promise.race([once(worker, "message"), once(worker, "error")])
  expect(outcome).toEqual([expect.stringMatching(isSource)])
})
