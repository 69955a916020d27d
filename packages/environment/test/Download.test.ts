import { Effect, FileSystem, Layer, PlatformError, Sink } from "effect"
import { FetchHttpClient } from "effect/http"
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { crc32, deflateRawSync } from "node:zlib"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import * as Download from "../src/alfworld/Download.ts"
import * as Zip from "../src/alfworld/Zip.ts"

/** A ZIP of these files, packed by deflate, with a folder in between. */
const zipOf = (files: Readonly<Record<string, string>>): Buffer => {
  const locals: Array<Buffer> = []
  const directory: Array<Buffer> = []
  let at = 0
  for (const [path, text] of Object.entries({ "json_2.1.1/": "", ...files })) {
    const [name, content] = [Buffer.from(path), Buffer.from(text)]
    const packed = deflateRawSync(content)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(name.length, 22)
    locals.push(Buffer.from("PK\x03\x04"), common, name, packed)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), common, place, name)
    at += 30 + name.length + packed.length
  }
  const end = Buffer.alloc(18)
  end.writeUInt16LE(Object.keys(files).length + 1, 6)
  end.writeUInt32LE(Buffer.concat(directory).length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...locals, ...directory, Buffer.from("PK\x05\x06"), end])
}

const contents = {
  "json_2.1.1/train/a/b/game.tw-pddl": "one ".repeat(5000),
  "json_2.1.1/train/a/b/other.txt": "nobody wants this",
  "json_2.1.1/../../etc/game.tw-pddl": "astray"
}

const zip = zipOf(contents)

/** How the server answers next, and what it was asked. */
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined
let ranges: Array<string | undefined> = []
let port = 0

const server = createServer((request, response) => {
  ranges.push(request.headers.range)
  answer(request, response)
})

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  if (address !== null && typeof address === "object") port = address.port
})
afterAll(() => server.close())

/** All of the file, or the rest of it where only that is asked for. */
const serving = (request: IncomingMessage, response: ServerResponse): void => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0)
  response.writeHead(from > 0 ? 206 : 200).end(zip.subarray(from))
}

beforeEach(() => {
  ranges = []
  answer = serving
})

const archive = (): Download.Archive => ({
  name: "games.zip",
  url: `http://127.0.0.1:${port}/games.zip`,
  bytes: zip.length,
  sha256: createHash("sha256").update(zip).digest("hex"),
  wanted: Download.games.wanted
})

const part = "/data/.download/games.zip"

/** A disk of files by path. */
const diskOf = (files: Map<string, Uint8Array>) => {
  const read = (path: string) => {
    const found = files.get(path)
    const missing = { _tag: "NotFound", module: "FileSystem", method: "read" } as const
    return found === undefined
      ? Effect.fail(PlatformError.systemError(missing))
      : Effect.succeed(found)
  }
  return FileSystem.layerNoop({
    makeDirectory: () => Effect.void,
    exists: (path) => Effect.succeed(files.has(path)),
    stat: (path) => Effect.map(read(path), ({ length }) => Object({ size: BigInt(length) })),
    readFile: read,
    writeFile: (path, bytes) => Effect.sync(() => void files.set(path, bytes)),
    remove: (path) => Effect.sync(() => void files.delete(path)),
    sink: (path, options) =>
      Sink.suspend(() => {
        if (options?.flag !== "a") files.set(path, new Uint8Array())
        return Sink.forEach((chunk: Uint8Array) =>
          Effect.sync(() => void files.set(path, Buffer.concat([files.get(path) ?? chunk, chunk])))
        )
      })
  })
}

const fetched = (files: Map<string, Uint8Array>, changes: Partial<Download.Archive> = {}) => {
  const events: Array<string> = []
  return Download.alfworld({
    dataFolder: "/data",
    archives: [{ ...archive(), ...changes }],
    onProgress: ({ _tag }) => Effect.sync(() => void events.push(_tag))
  }).pipe(
    Effect.map((reports) => ({ events: [...new Set(events)], files: reports[0]?.files })),
    Effect.provide(Layer.merge(diskOf(files), FetchHttpClient.layer))
  )
}

const failing = (files: Map<string, Uint8Array>, changes: Partial<Download.Archive> = {}) =>
  Effect.runPromise(Effect.flip(fetched(files, changes)))

const game = "json_2.1.1/train/a/b/game.tw-pddl"

describe("A download", () => {
  it("brings the games and nothing else, verified, and says what it does", async () => {
    const files = new Map<string, Uint8Array>()
    const { events, files: count } = await Effect.runPromise(fetched(files))
    expect([events, count]).toEqual([["Fetching", "Received", "Verified", "Unpacked"], 1])
    expect([...files.keys()].toSorted()).toEqual([part, `/data/${game}`])
    expect(new TextDecoder().decode(files.get(`/data/${game}`))).toBe(contents[game])
  })

  it("goes on from where it was cut off", async () => {
    const files = new Map<string, Uint8Array>()
    answer = (_, response) => {
      response.writeHead(200, { "content-length": zip.length })
      response.write(zip.subarray(0, 60), () => response.destroy())
    }
    const error = await failing(files)
    expect([error.reason, files.get(part)?.length]).toEqual(["interrupted", 60])
    answer = serving
    expect((await Effect.runPromise(fetched(files))).files).toBe(1)
    expect(ranges).toEqual([undefined, "bytes=60-"])
  })

  it("begins anew where the server knows no ranges", async () => {
    const files = new Map<string, Uint8Array>([[part, zip.subarray(0, 60)]])
    answer = (_, response) => void response.writeHead(200).end(zip)
    expect((await Effect.runPromise(fetched(files))).files).toBe(1)
  })

  it("asks nobody for what is here already", async () => {
    const files = new Map<string, Uint8Array>([[part, zip]])
    expect((await Effect.runPromise(fetched(files))).events).toEqual(["Verified", "Unpacked"])
    expect(ranges).toEqual([])
  })

  it("throws away what is not the release, be it other, longer or damaged", async () => {
    const files = new Map<string, Uint8Array>()
    const other = await failing(files, { sha256: "0".repeat(64) })
    expect([other.reason, other.message, files.has(part)]).toEqual([
      "checksum",
      expect.stringContaining(`not ${zip.length} with ${"0".repeat(64)}`),
      false
    ])
    const longer = await failing(files, { bytes: 50 })
    expect([longer.reason, files.has(part)]).toEqual(["checksum", false])
  })

  it("that brings no game at all is thrown away", async () => {
    const files = new Map<string, Uint8Array>()
    const error = await failing(files, { wanted: /^nothing$/ })
    expect([error.reason, files.has(part)]).toEqual(["archive", false])
  })

  it("says what to do when the server refuses or is not there", async () => {
    answer = (_, response) => void response.writeHead(404).end()
    const refused = await failing(new Map())
    expect([refused.reason, refused.message]).toEqual([
      "refused",
      expect.stringContaining("the server answers 404; look at the address in a browser")
    ])
    const unreachable = await failing(new Map(), { url: "http://127.0.0.1:1/games.zip" })
    expect(unreachable.reason).toBe("unreachable")
  })
})

describe("An archive", () => {
  it("cut off anywhere, or changed in a file, is damaged and never unpacked", () => {
    for (const length of [0, 10, 100, zip.length - 1]) {
      expect(Zip.entries(zip.subarray(0, length))).toMatchObject({ failure: { reason: "damaged" } })
    }
    const changed = Buffer.from(zip)
    const at = 11 + 30 + 2 + 30 + game.length + 5
    changed[at] = (changed[at] ?? 0) ^ 0xff
    const [first] = [Zip.entries(changed)].flatMap((read) =>
      "success" in read ? read.success : []
    )
    expect(first?.name).toBe(game)
    const intact = first && { ...first, crc: first.crc ^ 1 }
    expect(intact && Zip.unpack(zip, intact)).toMatchObject({ failure: { reason: "damaged" } })
    expect(first && Zip.unpack(changed, first)).toMatchObject({
      failure: { reason: "damaged", entry: game }
    })
  })
})
