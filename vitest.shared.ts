/**
 * What every vitest project of this workspace has in common.
 * Workspace packages resolve to their sources, in the test process and in the workers it starts, so nothing is built first.
 */
import { defaultServerConditions } from "vite"
import { defineProject } from "vitest/config"

// Vite drops its own conditions where some are given; without "node" a dependency may come as its browser build.
const conditions = ["source", ...defaultServerConditions]

/** A vitest project called `name`; `include` is relative to the folder of its configuration file. */
export const project = (name: string, include = "test/**/*.test.ts") =>
  defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: { name, include: [include], testTimeout: 60_000 }
  })
