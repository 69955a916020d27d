/**
 * PyTorch as a process that makes one step per line: the other side of the comparison.
 * Whether it is there, and on which BLAS, is found out by asking it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Size } from "./size.ts"

/** One step of the other side. */
export interface TorchStep {
  readonly milliseconds: number
  readonly loss: number
}

/** The process, ready. */
export interface Torch {
  readonly version: string
  /** Of a product of two matrices of 1024 x 1024, in GFLOP/s. */
  readonly rate: number
  readonly step: Effect.Effect<TorchStep, NoTorch>
}

/** Why there is no other side. */
export class NoTorch extends Error {
  readonly _tag = "NoTorch"
}

const python = process.env["PYTHON"] ?? "/usr/bin/python3"
const script = new URL("./step_in_torch.py", import.meta.url).pathname
const remedy =
  "Debian's python3-torch and libopenblas0-pthread are needed; PYTHON names another interpreter"

/** The reference BLAS, which Debian installs by default, makes 2 GFLOP/s. */
const slowestFair = 10

/** A process with the same network, started with the same numbers. */
export const torch = (
  size: Size,
  weights: Uint8Array,
  threads: number
): Effect.Effect<Torch, NoTorch, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "dreamgym-torch-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const file = join(folder, "weights.bin")
    writeFileSync(file, weights)
    const { next, ask } = yield* talk(
      [script, String(threads), JSON.stringify(size), file],
      threads
    )
    const first = yield* next
    const [rate, version] = [Number(first["rate"]), String(first["version"])]
    if (rate < slowestFair)
      return yield* Effect.fail(
        new NoTorch(`PyTorch multiplies matrices at ${rate.toFixed(1)} GFLOP/s here; ${remedy}`)
      )
    const step = Effect.map(Effect.andThen(Effect.sync(ask), next), (answer) => ({
      milliseconds: Number(answer["ms"]),
      loss: Number(answer["loss"])
    }))
    return { rate, version, step }
  })

type Answer = Readonly<Record<string, unknown>>

const talk = (args: ReadonlyArray<string>, threads: number) =>
  Effect.gen(function* () {
    const env = {
      ...process.env,
      OMP_NUM_THREADS: String(threads),
      OPENBLAS_NUM_THREADS: String(threads)
    }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(python, args, { env, stdio: ["pipe", "pipe", "ignore"] })),
      (process) => Effect.sync(() => process.kill())
    )
    child.on("error", () => undefined)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next: Effect.Effect<Answer, NoTorch> = Effect.flatMap(
      Effect.promise(() => lines.next()),
      ({ done, value }) =>
        done === true
          ? Effect.fail(new NoTorch(`${python} could not run PyTorch; ${remedy}`))
          : Effect.succeed(JSON.parse(value))
    )
    return { next, ask: () => void child.stdin.write("\n") }
  })
