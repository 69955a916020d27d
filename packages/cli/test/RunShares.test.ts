/**
 * Where the time of a run goes, on a run made by hand: every millisecond of the processor is counted once, under its owner.
 */
import { assert, describe, it } from "@effect/vitest"
import { sharesOf } from "../bench/run/shares.ts"
import { ownShare } from "../bench/run/table.ts"
import type { Noted } from "../bench/run/thread.ts"

const frame = (functionName: string, url: string) => ({
  functionName,
  url,
  scriptId: "1",
  lineNumber: 0,
  columnNumber: 0
})

/** The main thread: 100 ms of tokenizer, 200 of what the domain did for the world, 300 idle. */
const profile = {
  nodes: [
    { id: 1, callFrame: frame("(root)", ""), children: [2, 3, 5] },
    { id: 2, callFrame: frame("encode", "file:///a/packages/language/src/Tokenizer.ts") },
    { id: 3, callFrame: frame("step", "file:///a/packages/environment/src/W.ts"), children: [4] },
    { id: 4, callFrame: frame("key", "file:///a/packages/domain/src/Seed.ts") },
    { id: 5, callFrame: frame("(idle)", "") }
  ],
  startTime: 0,
  endTime: 600_000,
  samples: [2, 4, 5, 5],
  timeDeltas: [0, 100_000, 200_000, 300_000]
}

const noted: ReadonlyArray<Noted> = [
  {
    thread: "11",
    rows: {
      load: [[1000, 10, 5]],
      "the decoder of experience model (step)": [[1100, 100, 40]],
      "the decoder of cloned (step)": [[1200, 100, 30]]
    }
  },
  { thread: "12", rows: { "the gradients of a part (64 48)": [[1250, 100, 80]] } }
]

const used = [
  { id: "10", name: "MainThread", worked: 150, waited: 50 },
  { id: "11", name: "WorkerThread", worked: 90, waited: 0 },
  { id: "12", name: "WorkerThread", worked: 85, waited: 0 },
  { id: "13", name: "WorkerThread", worked: 7, waited: 0 },
  { id: "14", name: "V8Worker", worked: 20, waited: 9 }
]

const shares = sharesOf({
  phases: [{ name: "whole run", from: 1000, to: 1600 }],
  usedIn: () => used,
  noted,
  main: { began: 1000, profile }
})

describe("the shares of a run", () => {
  it("count every millisecond once, what helpers of the world do as the world's", () => {
    const [whole] = shares
    assert.deepInclude(whole, { policy: 30, experienceModel: 40, learning: 80, world: 100 })
    assert.deepStrictEqual(whole?.items, {
      "language/Tokenizer": 50,
      "compiling graphs in the runtime": 5,
      "messages and arrays in the sessions' threads": 20,
      "the buffer's threads": 7,
      "V8's threads: garbage, compiling": 20,
      "reading and writing files": 0
    })
    const all = used.reduce((sum, { worked }) => sum + worked, 0)
    assert.strictEqual(all, 30 + 40 + 80 + 100 + (whole?.own ?? 0))
    assert.closeTo(whole === undefined ? Number.NaN : ownShare(whole), 102 / 352, 1e-12)
  })

  it("tell how long how many threads computed at once", () => {
    assert.deepStrictEqual(shares[0]?.computing, [340, 210, 50])
  })
})
