/**
 * What every vitest project of this workspace has in common.
 * Workspace packages resolve to their sources, in the test process and in the workers it starts, so nothing is built first.
 */
import { defineProject } from "vitest/config"

/** Where the tests are, relative to the folder of the configuration file; and whether each file gets a process of its own. */
interface Options {
  readonly include?: string
  readonly isolate?: boolean
}

/**
 * A vitest project called `name`. Its test files share processes, and so load what they import once: they hold no state
 * in modules and replace no globals. Where they start processes, servers or databases, `isolate` keeps them apart.
 */
export const project = (
  name: string,
  { include = "test/**/*.test.ts", isolate = false }: Options = {}
) =>
  defineProject({
    ssr: { resolve: { conditions: ["source"] } },
    test: { name, isolate, include: [include], testTimeout: 60_000 }
  })
