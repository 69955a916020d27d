/** Tests of the doctor: what it finds out about this machine, and what it makes of it. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Health from "../src/Health.ts"
import { dreamgym } from "./front.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "cli-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

describe("doctor", () => {
  it("examines this machine", async () => {
    const { code, out } = await dreamgym(["doctor", "--directory", home, "--json"])
    const { findings, ok, providers } = JSON.parse(out)
    expect([code, ok]).toEqual([0, true])
    expect(findings.map(({ name }: { readonly name: string }) => name)).toEqual([
      "node",
      "dreamgym",
      "platform",
      "processors",
      "memory",
      "runs",
      "ALFWorld",
      "onnxruntime-node",
      ...["cpu", "webgpu", "dml", "coreml", "cuda"].map((name) => `provider ${name}`)
    ])
    expect(providers[0]).toEqual({
      provider: "cpu",
      isBundled: true,
      runs: true,
      placement: { CPUExecutionProvider: expect.any(Number) },
      relativeError: expect.any(Number),
      gigaflops: expect.any(Number),
      stepsPerSecond: expect.any(Number)
    })
    for (const { problem, provider, remedy, runs } of providers) {
      if (runs) continue
      const { advice, found, state } = findings.find(
        ({ name }: { readonly name: string }) => name === `provider ${provider}`
      )
      expect([state, advice]).toEqual(["absent", remedy])
      expect(found).toContain(problem)
    }
  })

  it("calls a provider broken that runs and is not exact; one that does not run is only absent", () => {
    const measured = { gigaflops: 1, stepsPerSecond: 2, placement: { CUDAExecutionProvider: 96 } }
    const cuda = { provider: "cuda", isBundled: false } as const
    expect(Health.provider({ ...cuda, ...measured, runs: true, relativeError: 3e-3 })).toEqual({
      name: "provider cuda",
      state: "broken",
      found: "96 nodes on CUDAExecutionProvider; error 3.0e-3, 1.0 GFLOP/s, 2.0 training steps/s",
      advice: expect.stringContaining("NVIDIA_TF32_OVERRIDE=0")
    })
    const exact = Health.provider({ ...cuda, ...measured, runs: true, relativeError: 1e-6 })
    expect([exact.state, exact.advice]).toEqual(["ok", undefined])
    const missing = { runs: false, problem: "no library", remedy: "install it" } as const
    expect(Health.provider({ ...cuda, ...missing })).toEqual({
      name: "provider cuda",
      state: "absent",
      found: "not bundled: no library",
      advice: "install it"
    })
    expect(Health.provider({ ...cuda, ...missing, provider: "cpu" }).state).toBe("broken")
  })

  it("says what is broken, and fails", async () => {
    const { code, out } = await dreamgym(["doctor", "--directory", home], {
      env: { ALFWORLD_DATA: home }
    })
    expect(code).toBe(1)
    expect(out).toMatch(/FAIL +ALFWorld/)
    expect(out).toContain("This machine is not ready.")
  })
})
