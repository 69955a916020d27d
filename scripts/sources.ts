/**
 * The workspace's TypeScript files as syntax trees, parsed by the pinned compiler itself.
 * It knows no rules; those are in `architecture.ts`.
 */
import { globSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import * as Ast from "typescript/unstable/ast"
import { createVirtualFileSystem } from "typescript/unstable/fs"
import { API } from "typescript/unstable/sync"

/** One import, re-export, or `import()` with a literal specifier. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

/** A parsed file; `path` is relative to the workspace's root and has forward slashes. */
export interface Source {
  readonly path: string
  readonly text: string
  readonly tree: Ast.SourceFile
  readonly imports: ReadonlyArray<Import>
}

const folders = "{packages/*/{src,test,bench,control},scripts,test}"

/** Path and text of every TypeScript file of the workspace at `root`, fixtures excepted. */
export const read = (root: string): Record<string, string> =>
  Object.fromEntries(
    globSync(`${folders}/**/*.ts`, { cwd: root })
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => !path.includes("/fixtures/"))
      .sort()
      .map((path) => [path, readFileSync(`${root}/${path}`, "utf8")])
  )

/** Parses `texts` (path to text) without resolving or checking anything: a whole workspace takes well under a second. */
export const parse = (texts: Record<string, string>): ReadonlyArray<Source> => {
  const root = "/workspace"
  const paths = Object.keys(texts)
  const project = {
    compilerOptions: { noLib: true, noResolve: true, types: [], allowImportingTsExtensions: true },
    files: paths
  }
  const files = Object.fromEntries(paths.map((path) => [`${root}/${path}`, texts[path] ?? ""]))
  const configuration = `${root}/tsconfig.json`
  const api = new API({
    cwd: root,
    fs: createVirtualFileSystem({ ...files, [configuration]: JSON.stringify(project) })
  })
  try {
    const program = api.updateSnapshot({ openProjects: [configuration] }).getProjects()[0]?.program
    return paths.map((path) => {
      const tree = program?.getSourceFile(`${root}/${path}`)
      if (tree === undefined) throw new Error(`${path}: the compiler did not parse it`)
      return { path, text: texts[path] ?? "", tree, imports: importsOf(tree) }
    })
  } finally {
    api.close()
  }
}

/** Visits `node` and all below it, parents first. */
export const visit = (node: Ast.Node, see: (node: Ast.Node) => void): void => {
  see(node)
  node.forEachChild((child) => visit(child, see))
}

/** The line, counted from 1, where `node` begins. */
export const lineOf = (tree: Ast.SourceFile, node: Ast.Node): number =>
  tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1

/** The file that a relative `specifier` written in the file `from` names. */
export const resolve = (from: string, specifier: string): string =>
  posix.join(posix.dirname(from), specifier)

const specifierOf = (node: Ast.Node): Ast.Node | undefined => {
  if (Ast.isImportDeclaration(node) || Ast.isExportDeclaration(node)) return node.moduleSpecifier
  if (Ast.isCallExpression(node) && node.expression.kind === Ast.SyntaxKind.ImportKeyword)
    return node.arguments[0]
  return undefined
}

const importsOf = (tree: Ast.SourceFile): ReadonlyArray<Import> => {
  const found: Array<Import> = []
  visit(tree, (node) => {
    const specifier = specifierOf(node)
    if (specifier !== undefined && Ast.isStringLiteral(specifier))
      found.push({ specifier: specifier.text, line: lineOf(tree, node) })
  })
  return found
}
