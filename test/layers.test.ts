/**
 * Who may import whom, and the house rules that the linter cannot see.
 * Each rule is held against the workspace, and against a small wrong world, which it must not let pass.
 */
import { describe, expect, it } from "vitest"
import * as Architecture from "../scripts/architecture.ts"
import * as Rooms from "../scripts/rooms.ts"
import * as Sources from "../scripts/sources.ts"

const table: Architecture.Table = {
  domain: [],
  graph: [],
  language: ["domain", "graph"],
  environment: ["domain"],
  replay: ["domain"],
  experience: ["domain"],
  rollout: ["domain"],
  learner: ["domain", "graph", "language"],
  laws: ["domain"],
  dashboard: ["domain"],
  pipeline: [
    "domain",
    "graph",
    "language",
    "environment",
    "replay",
    "experience",
    "rollout",
    "learner"
  ],
  study: ["domain", "pipeline"],
  cli: [
    "domain",
    "graph",
    "language",
    "environment",
    "replay",
    "experience",
    "rollout",
    "learner",
    "pipeline",
    "study"
  ]
}

const root = `${import.meta.dirname}/..`
const rooms = Rooms.read(root)
const sources = Sources.parse(Sources.read(root))
const header = "/** A thing. */\n"

const worldOf = (files: Record<string, string>) => Sources.parse(files)
const room = (name: string, dependencies: Record<string, string> = {}): Architecture.Room => ({
  room: name,
  manifest: { name: `@dreamgym/${name}`, dependencies },
  references: Object.keys(dependencies).map((dependency) => dependency.replace("@dreamgym/", ""))
})

describe("the rooms", () => {
  it("know of each other what the table allows, in manifests and project references", () => {
    expect(Architecture.tableFindings(table, rooms)).toEqual([])
  })

  it("are all built by the workspace's own project", () => {
    expect(Rooms.references(root).toSorted()).toEqual(rooms.map(({ room }) => room))
  })

  it("import only what their manifest declares, and only graph opens ONNX Runtime", () => {
    expect(Architecture.importFindings(sources, rooms)).toEqual([])
  })

  it("hold no circle of files that import each other", () => {
    expect(Architecture.cycleFindings(sources)).toEqual([])
  })

  it("keep the house rules about constructs, headers, names and words", () => {
    expect(Architecture.constructFindings(sources)).toEqual([])
  })

  it("pin every dependency to one exact version", () => {
    expect(Architecture.versionFindings(Rooms.manifests(root))).toEqual([])
  })
})

describe("a wrong world is seen:", () => {
  it("a room that knows more, or less, than the table", () => {
    const wrong = [
      room("replay", { "@dreamgym/domain": "0.1.0", "@dreamgym/graph": "0.1.0" }),
      { ...room("laws", { "@dreamgym/domain": "0.1.0" }), references: [] },
      room("cellar")
    ]
    expect(Architecture.tableFindings(table, wrong)).toEqual([
      "packages/replay/package.json has [domain, graph], the table [domain]",
      "packages/replay/tsconfig.json has [domain, graph], the table [domain]",
      "packages/laws/tsconfig.json has [], the table [domain]",
      "packages/cellar: the table does not know this room"
    ])
  })

  it("a room that tests with another room than laws", () => {
    const { manifest, ...rest } = room("domain")
    const devDependencies = { "@dreamgym/laws": "0.1.0", "@dreamgym/graph": "0.1.0" }
    expect(
      Architecture.tableFindings(table, [{ ...rest, manifest: { ...manifest, devDependencies } }])
    ).toEqual(["packages/domain/package.json: only laws may be for tests, not graph"])
  })

  it("an import that the manifest does not declare, or that leaves the package", () => {
    const world = worldOf({
      "packages/replay/src/A.ts": `import * as Graph from "@dreamgym/graph"
import * as Effect from "effect/Effect"
export { B } from "../../domain/src/B.ts"
export const load = () => import("onnxruntime-node")
import { C } from "./C"
import { D } from "@dreamgym/replay"`,
      "packages/replay/test/A.test.ts": `import { it } from "vitest"
import { A } from "@dreamgym/replay"
import { fileURLToPath } from "node:url"
import lodash from "lodash/fp"`
    })
    expect(Architecture.importFindings(world, [room("replay", { effect: "4.1.0" })])).toEqual([
      "packages/replay/src/A.ts:1 @dreamgym/graph is not in packages/replay/package.json",
      "packages/replay/src/A.ts:3 ../../domain/src/B.ts leaves its package",
      "packages/replay/src/A.ts:4 only graph imports onnxruntime-node",
      "packages/replay/src/A.ts:5 ./C does not end in .ts",
      "packages/replay/src/A.ts:6 @dreamgym/replay imports itself by name",
      "packages/replay/test/A.test.ts:4 lodash is not in packages/replay/package.json"
    ])
  })

  it("files that import each other, in types only as well", () => {
    const world = worldOf({
      "packages/replay/src/A.ts": 'import { B } from "./B.ts"',
      "packages/replay/src/B.ts": 'import type { C } from "./inner/C.ts"',
      "packages/replay/src/inner/C.ts": 'export * from "../A.ts"',
      "packages/replay/src/D.ts": 'import { A } from "./A.ts"\n// import "./D.ts"'
    })
    expect(Architecture.cycleFindings(world)).toEqual([
      "import cycle: packages/replay/src/A.ts -> packages/replay/src/B.ts -> packages/replay/src/inner/C.ts -> packages/replay/src/A.ts"
    ])
  })

  it("constructs behind which time, chance and untyped failure hide", () => {
    const world = worldOf({
      "packages/replay/src/A.ts": `${header}export const a = () => { try { a() } finally { a() } }
export const b = new Date()
export const c = Date()
export const d = globalThis.process
export class BatchManager {}
export const fine = [new Date(0), globalThis.Array, "try { }", /try {/, Effect.try(() => 1)]`,
      "packages/graph/src/Session.ts": `${header}export const a = () => { try { a() } finally { a() } }`
    })
    expect(Architecture.constructFindings(world)).toEqual([
      "packages/replay/src/A.ts:2 try: failures are typed effects (Effect.try, Effect.tryPromise)",
      "packages/replay/src/A.ts:3 new Date(): time is a service (effect/Clock)",
      "packages/replay/src/A.ts:4 Date(): time is a service (effect/Clock)",
      "packages/replay/src/A.ts:5 globalThis.process",
      "packages/replay/src/A.ts:6 BatchManager: say what it is"
    ])
  })

  it("files without a header, with a vague name, unfinished, or with a silenced rule", () => {
    const world = worldOf({
      "packages/replay/src/A.ts": "export const a = 1",
      "packages/replay/src/TextUtils.ts": `${header}// TODO later`,
      "packages/replay/src/C.ts": `${header}// oxlint-disable-next-line no-console\nexport {}`,
      "packages/replay/src/D.ts": `${header}// oxlint-disable-next-line no-console -- a terminal\nexport {}`,
      "packages/replay/src/index.ts": `${header}export * as A from "./A.ts"\nexport { b } from "./B.ts"`
    })
    expect(Architecture.constructFindings(world)).toEqual([
      "packages/replay/src/A.ts has no header that says what it is",
      "packages/replay/src/TextUtils.ts has a name that says nothing",
      "packages/replay/src/TextUtils.ts holds unfinished work (TODO, FIXME, XXX)",
      "packages/replay/src/C.ts switches a rule off without ` -- reason`",
      'packages/replay/src/index.ts may only hold `export * as Noun from "./Noun.ts"`'
    ])
  })

  it("a version that is a range, a tag or a path", () => {
    const dependencies = { a: "^1.0.0", b: "latest", c: "file:../c", d: "1.2.3", e: "1.2.3-rc.1" }
    expect(Architecture.versionFindings({ "package.json": { dependencies } })).toEqual([
      "package.json: a is ^1.0.0, not one exact version",
      "package.json: b is latest, not one exact version",
      "package.json: c is file:../c, not one exact version"
    ])
  })
})
