/**
 * What every vitest project of this workspace has in common.
 * Workspace packages resolve to their sources, in the test process and in the workers it starts, so nothing is built first.
 */
import { defineProject } from "vitest/config"

/** A vitest project called `name`; `include` is relative to the folder of its configuration file. */
export const project = (name: string, include = "test/**/*.test.ts") =>
  defineProject({
    ssr: { resolve: { conditions: ["source"] } },
    test: { name, include: [include], testTimeout: 60_000 }
  })
