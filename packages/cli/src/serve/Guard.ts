/**
 * What every request meets before its route: pages of other sites are sent away, and an address that is none, or a defect, is told as JSON.
 * It knows no world and no session.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Request from "./Request.ts"

/** An address that is served. */
interface Known {
  readonly method: string
  readonly path: string
}

/** These routes and, for whatever else is asked, an answer that says so; none of them for a page of another site. */
export const guarded = <E, R>(routes: ReadonlyArray<HttpRouter.Route<E, R>>) =>
  Layer.merge(
    HttpRouter.addAll([...routes, ...others.map((method) => elsewhere(method, routes))]),
    HttpRouter.middleware(
      (answer) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
          isOwn(request) ? Effect.catchDefect(answer, broken) : Effect.succeed(foreign)
        ),
      { global: true }
    )
  )

/** HEAD is not among them: the router answers it as GET without a body. */
const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

const elsewhere = (method: (typeof others)[number], known: ReadonlyArray<Known>) =>
  HttpRouter.route(method, "/*", (request) => Effect.succeed(notFound(request, known)))

/** What a defect is told as; what it is, the log says. */
const broken = (defect: unknown) =>
  Effect.as(
    Effect.logError(defect),
    Request.json({ detail: "the world broke; the server's log says how" }, 500)
  )

const foreign = Request.json({ detail: "a page of another site may not play here" }, 403)

/**
 * Whether a request that a web page caused comes from this server's own page. Programs send no `Origin`; a page of another site does,
 * and must not play here in a visitor's name.
 */
const isOwn = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => {
  const origin = headers["origin"]
  return origin === undefined || origin.replace(/^https?:\/\//, "") === headers["host"]
}

/** 405 where another method is served, else 404, in FastAPI's words. */
const notFound = ({ url }: HttpServerRequest.HttpServerRequest, known: ReadonlyArray<Known>) => {
  const path = url.replace(/\?.*$/, "").replace(/(?<=.)\/$/, "")
  const methods = known.filter((one) => one.path === path).map(({ method }) => method)
  return methods.length === 0
    ? Request.json({ detail: "Not Found" }, 404)
    : HttpServerResponse.setHeader(
        Request.json({ detail: "Method Not Allowed" }, 405),
        "allow",
        methods.join(", ")
      )
}
