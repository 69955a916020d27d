/**
 * The rules about which room may know which, and the constructs that the linter cannot see; each gives its findings as sentences.
 * What the rooms are is not decided here: the table is in `test/layers.test.ts`, the reasons in `CONTRIBUTING.md`.
 */
import * as Ast from "typescript/unstable/ast"
import { lineOf, resolve, visit, type Import, type Source } from "./sources.ts"

/** What a check found: the place and the rule, one sentence each. */
export type Findings = ReadonlyArray<string>

/** The parts of a `package.json` that the rules read. */
export interface Manifest {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** A package as it stands on disk; `references` are the room names of its `tsconfig.json`. */
export interface Room {
  readonly room: string
  readonly manifest: Manifest
  readonly references: ReadonlyArray<string>
}

/** Room name to the rooms that it may import. */
export type Table = Readonly<Record<string, ReadonlyArray<string>>>

const scope = "@dreamgym/"
const roomOf = (path: string): string | undefined => /^packages\/([^/]+)\//.exec(path)?.[1]
const isSource = (source: Source): boolean => /^packages\/[^/]+\/src\//.test(source.path)
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

/** Each room's manifest and project references say exactly what the table says; `laws` may serve any room's tests. */
export const tableFindings = (table: Table, rooms: ReadonlyArray<Room>): Findings =>
  rooms.flatMap(({ room, manifest, references }) => {
    const allowed = table[room]
    if (allowed === undefined) return [`packages/${room}: the table does not know this room`]
    const say = (place: string, found: ReadonlyArray<string>) =>
      found.toSorted().join() === allowed.toSorted().join()
        ? []
        : [`packages/${room}/${place} has [${found.join(", ")}], the table [${allowed.join(", ")}]`]
    return [
      ...say("package.json", ours(manifest.dependencies)),
      ...say("tsconfig.json", references),
      ...ours(manifest.devDependencies)
        .filter((name) => name !== "laws")
        .map((name) => `packages/${room}/package.json: only laws may be for tests, not ${name}`)
    ]
  })

const ours = (dependencies: Readonly<Record<string, string>> = {}): ReadonlyArray<string> =>
  Object.keys(dependencies)
    .filter((name) => name.startsWith(scope))
    .map((name) => name.slice(scope.length))

/** Every import is declared in the manifest, stays in its room, and ONNX Runtime has one door. */
export const importFindings = (
  sources: ReadonlyArray<Source>,
  rooms: ReadonlyArray<Room>
): Findings => {
  const manifests = new Map(rooms.map(({ room, manifest }) => [room, manifest]))
  return sources.flatMap((source) => {
    const room = roomOf(source.path)
    const manifest = room === undefined ? undefined : manifests.get(room)
    if (room === undefined || manifest === undefined) return []
    return source.imports.flatMap((from) => {
      const wrong = from.specifier.startsWith(".")
        ? relativeFault(source, room, from)
        : packageFault(source, room, manifest, from)
      return wrong === undefined ? [] : [`${source.path}:${from.line} ${wrong}`]
    })
  })
}

const relativeFault = (source: Source, room: string, { specifier }: Import): string | undefined => {
  const target = resolve(source.path, specifier)
  if (target === "scripts/figures.ts" && !isSource(source)) return undefined
  if (roomOf(target) !== room) return `${specifier} leaves its package`
  return specifier.endsWith(".ts") || specifier.endsWith(".json")
    ? undefined
    : `${specifier} does not end in .ts`
}

const packageFault = (
  source: Source,
  room: string,
  manifest: Manifest,
  { specifier }: Import
): string | undefined => {
  const name = packageOf(specifier)
  if (name.startsWith("node:")) return undefined
  if (name === "onnxruntime-node" && room !== "graph") return "only graph imports onnxruntime-node"
  if (name === manifest.name && isSource(source)) return `${name} imports itself by name`
  const forTests = [manifest.name ?? "", ...Object.keys(manifest.devDependencies ?? {})]
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const allowed = isSource(source) ? declared : [...declared, ...forTests, ...testTools]
  return allowed.includes(name) ? undefined : `${name} is not in packages/${room}/package.json`
}

/** Installed once for all tests, at the root. */
const testTools = ["vitest", "@effect/vitest", "fast-check"]

/** Circles of files that import each other, types included, each reported once as its path. */
export const cycleFindings = (sources: ReadonlyArray<Source>): Findings => {
  const paths = new Set(sources.map(({ path }) => path))
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.map(({ specifier }) => resolve(path, specifier)).filter((to) => paths.has(to))
    ])
  )
  const findings: Array<string> = []
  const finished = new Set<string>()
  const walk = (path: string, trail: ReadonlyArray<string>): void => {
    if (trail.includes(path))
      findings.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`)
    else if (!finished.has(path)) {
      for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
      finished.add(path)
    }
  }
  for (const path of paths) walk(path, [])
  return findings
}

/** Where a foreign promise or the process itself is met; `.oxlintrc.json` names the same files. */
export const isBoundary = (path: string): boolean =>
  /\/src\/(.*\/)?[^/]*Session[^/]*\.ts$|\/src\/(.*\/)?wire\/|^packages\/cli\/src\/bin\.ts$/.test(
    path
  )

/** Hidden doors around the linter's bans, and the house rules about headers, names and words. */
export const constructFindings = (sources: ReadonlyArray<Source>): Findings =>
  sources.flatMap((source) => {
    if (!isSource(source)) return []
    const findings: Array<string> = []
    visit(source.tree, (node) => {
      const wrong = constructFault(source, node)
      if (wrong !== undefined) findings.push(`${source.path}:${lineOf(source.tree, node)} ${wrong}`)
    })
    return [...findings, ...fileFaults(source).map((wrong) => `${source.path} ${wrong}`)]
  })

const hidden = ["process", "console", "Date", "Math", "crypto", "performance"]
const vague = /(Service|Impl|Manager|Utils?|Helpers?)$/

const constructFault = (source: Source, node: Ast.Node): string | undefined => {
  if (Ast.isTryStatement(node) && !isBoundary(source.path))
    return "try: failures are typed effects (Effect.try, Effect.tryPromise)"
  if (Ast.isNewExpression(node) && isNamed(node.expression, "Date") && !node.arguments?.length)
    return "new Date(): time is a service (effect/Clock)"
  if (Ast.isCallExpression(node) && isNamed(node.expression, "Date"))
    return "Date(): time is a service (effect/Clock)"
  if (Ast.isPropertyAccessExpression(node) && isNamed(node.expression, "globalThis"))
    return hidden.includes(node.name.text) ? `globalThis.${node.name.text}` : undefined
  if (Ast.isClassDeclaration(node) || Ast.isInterfaceDeclaration(node))
    return node.name !== undefined && vague.test(node.name.text)
      ? `${node.name.text}: say what it is`
      : undefined
  return undefined
}

const isNamed = (node: Ast.Node, name: string): boolean =>
  Ast.isIdentifier(node) && node.text === name

const fileFaults = ({ path, text, tree }: Source): Findings => {
  const name = path.slice(path.lastIndexOf("/") + 1, -".ts".length)
  return [
    ...(/^(#!.*\n)?\/\*\*/.test(text) ? [] : ["has no header that says what it is"]),
    ...(vague.test(name) ? ["has a name that says nothing"] : []),
    ...(/\b(TODO|FIXME|XXX)\b/.test(text) ? ["holds unfinished work (TODO, FIXME, XXX)"] : []),
    ...(/(oxlint|eslint)-disable(?!.* -- \S)/.test(text)
      ? ["switches a rule off without ` -- reason`"]
      : []),
    ...(name === "index" && !tree.statements.every(isNamespaceExport)
      ? ['may only hold `export * as Noun from "./Noun.ts"`']
      : [])
  ]
}

const isNamespaceExport = (node: Ast.Node): boolean =>
  Ast.isExportDeclaration(node) &&
  node.exportClause !== undefined &&
  Ast.isNamespaceExport(node.exportClause)

/** Every version is one exact version: an installation today and one in a year are the same. */
export const versionFindings = (manifests: Readonly<Record<string, Manifest>>): Findings =>
  Object.entries(manifests).flatMap(([path, manifest]) =>
    [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies]
      .flatMap((group) => Object.entries(group ?? {}))
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${path}: ${name} is ${version}, not one exact version`)
  )
