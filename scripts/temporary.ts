/**
 * A folder that is gone again when the work on it ends, however it ends.
 * It is for scripts and tests; programs of the packages use scoped effects.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** A fresh folder that leaves with its scope: `using folder = temporary()`. */
export const temporary = (): Disposable & { readonly path: string } => {
  const path = mkdtempSync(join(tmpdir(), "dreamgym-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Writes `files` (path to text) under `folder`, with the folders between. */
export const writeFiles = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
