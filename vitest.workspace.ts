/**
 * The test run of the whole workspace: one project per package, and one for the promises about the workspace itself.
 * vitest reads it only when told: `vitest run --config vitest.workspace.ts [--project graph]`.
 */
import { defineConfig } from "vitest/config"

export default defineConfig({ test: { projects: ["packages/*", "test/vitest.config.ts"] } })
