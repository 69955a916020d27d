/**
 * The packages as a user gets them: from their tarballs, in an empty project. `npm run pack:test` is the same by hand.
 * It needs the registry, as any installation does, and says so where there is none.
 */
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const root = `${import.meta.dirname}/..`
const ask = ["view", "effect@4.1.0", "version", "--fetch-retries=0", "--fetch-timeout=10000"]
const hasRegistry = spawnSync("npm", ask, { cwd: root }).status === 0
if (!hasRegistry) console.warn("packing: skipped, no npm registry is within reach")
const title = "the packages install from their tarballs, import by name, and start the command"

it.skipIf(!hasRegistry)(
  hasRegistry ? title : `${title} (no npm registry here)`,
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["scripts/pack-test.ts"], {
      cwd: root
    })
    expect(stdout).toMatch(/^@dreamgym\/domain: \d+ modules$/m)
  },
  300_000
)
