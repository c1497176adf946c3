import {
  ChatError,
  fitsFrame,
  limits,
  parseWellFormed,
  saysTooMuch,
  toChatError,
  type ErrorCode,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { HttpRequest, HttpResponse, TemplatedApp } from "uWebSockets.js";
import type { Admission } from "../admission/admit.ts";
import type { Addresses, Whence } from "../admission/address.ts";
import type { Limiter } from "../admission/limits.ts";
import { mayConnect, type OriginRules } from "../admission/origin.ts";
import { countOne } from "../figures/metrics.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import { unknownPath, type Asked, type Pages } from "./pages.ts";
import { whenceOf } from "./peer.ts";
import { chatErrorReply, errorReply, send, type Reply } from "./reply.ts";
import { parameterNames, type Route } from "./route.ts";

interface RoutingDeps {
  readonly admission: Admission;
  readonly origins: OriginRules;
  readonly addresses: Addresses;
  readonly limiter: Pick<Limiter, "requesting" | "requestOf">;
  /** Whether the broker answers and delivers. */
  readonly isBrokerWell: () => boolean;
  readonly isStopping: () => boolean;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

export interface RouteDeps extends RoutingDeps {
  readonly pages: Pages;
  /** The endpoints of the table. */
  readonly routes: readonly Route[];
}

/** What the public port answers to HTTP: pages, the table, and that there is nothing else. */
export function addRoutes(app: TemplatedApp, deps: RouteDeps): void {
  const sent = (replyTo: (request: HttpRequest) => Reply) => (response: HttpResponse, request: HttpRequest) => {
    const whence = whenceOf(deps.addresses, response, request);
    send(response, limitedReply(whence, deps) ?? replyTo(request), request.getMethod() === "head");
  };
  for (const [path, page] of deps.pages) {
    if (path === unknownPath) continue;
    const handler = sent((request) => page(askedOf(request)));
    app.get(path, handler);
    app.head(path, handler);
  }
  addTable(app, deps.routes, deps);
  const unknown = deps.pages.get(unknownPath);
  app.any(
    "/*",
    sent((request) => (asksForPage(request) ? unknown?.(askedOf(request)) : undefined) ?? notFound(request)),
  );
}

/** Whether a person looks for something, and not a program, a script of a page or a picture. */
function asksForPage(request: HttpRequest): boolean {
  const isRead = ["get", "head"].includes(request.getMethod());
  return isRead && /\btext\/html\b/i.test(request.getHeader("accept")) && !forPrograms.test(request.getUrl());
}

/** Below these there are no pages of the chat: what is missing there is said as to programs. */
const forPrograms = /^\/(api|auth|ws|assets|embed|health)(\/|$)/;

function askedOf(request: HttpRequest): Asked {
  return { acceptEncoding: request.getHeader("accept-encoding"), ifNoneMatch: request.getHeader("if-none-match") };
}

/** What whoever is blocked, or asks too much, gets to whatever they ask; undefined: they may. */
function limitedReply(whence: Whence, { limiter, counters }: RoutingDeps): Reply | undefined {
  try {
    limiter.requesting(whence);
    return undefined;
  } catch (thrown) {
    const error = toChatError(thrown);
    countOne(counters.errors, error.code);
    return chatErrorReply(error);
  }
}

function notFound(request: HttpRequest): Reply {
  return errorReply("NOT_FOUND", `There is nothing at ${request.getMethod().toUpperCase()} ${request.getUrl()}.`);
}

const noBody = Buffer.alloc(0);
/** Throws where another decoder would put U+FFFD: what the caller meant is not known then. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** How the library calls the methods. */
const inLibrary = { get: "get", post: "post", put: "put", patch: "patch", delete: "del" } as const;

/** Serves the routes of the table; other methods of their paths are answered with 405. */
function addTable(app: TemplatedApp, routes: readonly Route[], deps: RoutingDeps): void {
  for (const route of routes) {
    app[inLibrary[route.method]](route.path, serve(route, deps));
    if (route.method === "get") app.head(route.path, serve(route, deps));
  }
  for (const path of new Set(routes.map(({ path }) => path))) {
    const methods = routes.filter((route) => route.path === path).flatMap(({ method }) => namesOf(method));
    app.options(path, (response, request) => {
      const exchange = createExchange(response, request, deps.addresses);
      const asked = request.getHeader("access-control-request-headers");
      const reply = admitOrigin(exchange, deps.origins) ? preflightReply(methods, asked) : foreignOrigin();
      exchange.reply(limitedReply(exchange.whence, deps) ?? reply);
    });
    app.any(path, (response, request) => {
      const exchange = createExchange(response, request, deps.addresses);
      exchange.reply(limitedReply(exchange.whence, deps) ?? wrongMethod(request, methods));
    });
  }
}

function namesOf(method: Route["method"]): string[] {
  return method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()];
}

function foreignOrigin(): Reply {
  return errorReply("FORBIDDEN", "Pages of this origin may not ask.");
}

function wrongMethod(request: HttpRequest, methods: readonly string[]): Reply {
  const allow = methods.join(", ");
  const message = `${request.getUrl()} takes ${allow}, not ${request.getMethod().toUpperCase()}.`;
  const reply = chatErrorReply(new ChatError("UNSUPPORTED", { message }), {}, 405);
  return { ...reply, headers: { ...reply.headers, allow } };
}

function serve(route: Route, deps: RoutingDeps) {
  const how = { parameterCount: parameterNames(route).length, reads: route.reads ?? [] };
  return (response: HttpResponse, request: HttpRequest): void => {
    const exchange = createExchange(response, request, deps.addresses, how);
    if (!admitOrigin(exchange, deps.origins)) {
      countOne(deps.counters.errors, "FORBIDDEN");
      return exchange.reply(limitedReply(exchange.whence, deps) ?? foreignOrigin());
    }
    // The body must be listened for before anything is waited for.
    const body = route.hasBody
      ? exchange.body(route.maxBodyBytes ?? limits.escapedFrameBytes)
      : Promise.resolve(noBody);
    void answer(route, exchange, body, deps).catch((thrown: unknown) => {
      exchange.reply(refusal(thrown, exchange, deps, route));
    });
  };
}

async function answer(
  route: Route,
  exchange: Exchange,
  body: Promise<Buffer | undefined>,
  { admission, limiter, isStopping, counters }: RoutingDeps,
): Promise<void> {
  if (isStopping() && route.access !== "anybody") throw new ChatError("SHUTTING_DOWN", { retryAfterMs: 1_000 });
  const { whence } = exchange;
  if (!isProbe(route)) limiter.requesting(whence);
  const caller = await admission.byRequest(exchange, route.access, whence);
  if (route.access !== "anybody") limiter.requestOf(caller, whence);
  const bytes = await body;
  admission.recheck(caller);
  if (bytes === undefined) throw tooLarge(route.maxBodyBytes);
  const problem = route.hasBody ? bodyTypeProblem(exchange, route.takesAnyType === true) : undefined;
  if (problem !== undefined) {
    countOne(counters.errors, "UNSUPPORTED");
    return exchange.reply(wrongType(problem));
  }
  const params = Object.fromEntries(parameterNames(route).map((name, index) => [name, exchange.parameters[index]]));
  const raw = {
    params,
    query: Object.fromEntries(exchange.query),
    body: route.hasBody ? parseBody(bytes, route.maxBodyBytes) : {},
  };
  const reply = await route.answer({ caller, exchange }, raw);
  if (reply !== undefined) exchange.reply(reply);
}

/** Whoever looks whether this process is well must never be told to come later. */
function isProbe({ path }: Route): boolean {
  return path === "/health";
}

/** Forms of other sites can send everything but this without being asked for. */
function isJson({ header }: Exchange): boolean {
  return header("content-type").split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

/** Why the body cannot be read as what its headers say it is. */
function bodyTypeProblem(exchange: Exchange, takesAnyType: boolean): string | undefined {
  if (!takesAnyType && !isJson(exchange)) return "Send JSON as application/json.";
  const encoding = exchange.header("content-encoding").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity") return "Send the body as it is, without a content-encoding.";
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(exchange.header("content-type"))?.[1]?.toLowerCase();
  if (charset !== undefined && !readCharsets.has(charset)) return "Send the body as UTF-8; no other charset is read.";
  return undefined;
}

/** ASCII is UTF-8 too. */
const readCharsets: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);

function wrongType(message: string): Reply {
  return chatErrorReply(new ChatError("UNSUPPORTED", { message }), {}, 415);
}

/** `maxBytes`: of a route that takes more than a frame, and looks itself at what is in it. */
function parseBody(bytes: Buffer, maxBytes: number | undefined): unknown {
  const text = textOf(bytes);
  if (text.trim() === "") return {};
  if (maxBytes !== undefined) return jsonOf(text, false);
  if (saysTooMuch(text)) throw tooLarge();
  const isLong = bytes.length > limits.clientFrameBytes;
  const body = jsonOf(text, isLong);
  if (isLong && !fitsFrame(body)) throw tooLarge();
  return body;
}

function jsonOf(text: string, isLong: boolean): unknown {
  try {
    return parseWellFormed(text);
  } catch (cause) {
    throw isLong ? tooLarge() : new ChatError("INVALID_FRAME", { message: "The body is not JSON.", cause });
  }
}

function tooLarge(maxBytes: number = limits.clientFrameBytes): ChatError {
  return new ChatError("MESSAGE_TOO_LARGE", { message: `The body is larger than ${maxBytes / 1024} KB.` });
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The body is not UTF-8.", cause });
  }
}

function refusal(
  thrown: unknown,
  exchange: Exchange,
  { isBrokerWell, counters, log }: RoutingDeps,
  { refuse }: Route,
): Reply {
  const { method, path } = exchange;
  // Whatever the broker's client throws while it is away means the same: try again.
  const isOurs = thrown instanceof ChatError || isBrokerWell();
  const error = isOurs ? toChatError(thrown) : new ChatError("OVERLOADED", { cause: thrown, retryAfterMs: 1_000 });
  countOne(counters.errors, error.code);
  log[error.status >= 500 ? "warn" : "debug"]({ err: error, method, path }, "a request was refused");
  return refuse === undefined ? chatErrorReply(error) : refuse(error, exchange);
}

const preflightSeconds = "600";
/** What pages of other origins read of answers, beside what any page may. */
const exposedHeaders = [
  ...["retry-after", "x-request-id", "x-workflow-run-id", "x-workflow-stream-tail-index"],
  ...["stream-next-offset", "stream-up-to-date", "stream-closed", "stream-cursor", "etag", "www-authenticate"],
].join(", ");

/** Whether the page that asks may; answers to pages of allowed origins say so to the browser. Never that cookies may be sent along: they are for our own pages. */
function admitOrigin({ header, headers }: Exchange, rules: OriginRules): boolean {
  const origin = header("origin");
  headers.set("vary", "origin");
  if (!mayConnect(origin, header("host"), rules)) return false;
  if (origin === "") return true;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", exposedHeaders);
  return true;
}

const ownHeaders = "authorization, content-type, idempotency-key, last-event-id, traceparent";
const headerList = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;
const mostListChars = 1_024;

/**
 * The answer to a browser that asks before it asks. The ecosystem's clients send headers of their own (`x-stainless-os`, `mcp-method`): a page that may ask may
 * send any, since none of them brings rights but those that the page has itself.
 */
function preflightReply(methods: readonly string[], asked: string): Reply {
  const isList = asked.length <= mostListChars && headerList.test(asked);
  const headers = {
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": isList ? `${ownHeaders}, ${asked}` : ownHeaders,
    "access-control-max-age": preflightSeconds,
  };
  return { status: 204, headers, body: "" };
}
