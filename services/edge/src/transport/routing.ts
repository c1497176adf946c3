import { ChatError, limits, toChatError, type ErrorCode, type May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { HttpRequest, HttpResponse, TemplatedApp } from "uWebSockets.js";
import { callerFor } from "../admission/acting.ts";
import type { Admission } from "../admission/admit.ts";
import type { Addresses, Whence } from "../admission/address.ts";
import type { Limiter } from "../admission/limits.ts";
import { mayConnect, type OriginRules } from "../admission/origin.ts";
import { countOne } from "../figures/metrics.ts";
import { createExchange, onBehalfOfHeader, type Exchange } from "./exchange.ts";
import { parseForm } from "./form-body.ts";
import { unknownPath, type Asked, type Pages } from "./pages.ts";
import { whenceOf } from "./peer.ts";
import { chatErrorReply, errorReply, send, type Reply } from "./reply.ts";
import { noRoomNeeded, takeRoom, uploadsFull } from "./upload-room.ts";
import { bodyTypeProblem, parseBody, tooLarge } from "./request-body.ts";
import { parameterNames, type Route } from "./route.ts";

interface RoutingDeps {
  readonly may: May;
  readonly admission: Admission;
  readonly origins: OriginRules;
  readonly addresses: Addresses;
  readonly limiter: Pick<Limiter, "requesting" | "requestOf" | "bodyOf">;
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
  for (const route of deps.routes) if (route.ownsBelow !== undefined) addUnknown(app, route, deps);
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
function limitedReply(
  whence: Whence,
  { limiter, counters }: RoutingDeps,
  refuse: (error: ChatError) => Reply = chatErrorReply,
): Reply | undefined {
  try {
    limiter.requesting(whence);
    return undefined;
  } catch (thrown) {
    const error = toChatError(thrown);
    countOne(counters.errors, error.code);
    return refuse(error);
  }
}

function notFound(request: HttpRequest): Reply {
  return errorReply("NOT_FOUND", nothingAt(request.getMethod().toUpperCase(), request.getUrl()));
}

function nothingAt(method: string, path: string): string {
  return `There is nothing at ${method} ${path}.`;
}

/** Clients of other protocols try what is not here, and read errors of their own form alone. */
function addUnknown(app: TemplatedApp, route: Route, deps: RoutingDeps): void {
  app.any(`${route.ownsBelow}*`, (response, request) => {
    const exchange = createExchange(response, request, deps.addresses, howOf(route));
    const { method, path, refuse } = exchange;
    const unknown = (): Reply => refuse(new ChatError("NOT_FOUND", { message: nothingAt(method, path) }));
    exchange.reply(limitedReply(exchange.whence, deps, refuse) ?? unknown());
  });
}

const noBody = Buffer.alloc(0);

/** How the library calls the methods. */
const inLibrary = { get: "get", post: "post", put: "put", patch: "patch", delete: "del" } as const;

/** Serves the routes of the table; other methods of their paths are answered with 405. */
function addTable(app: TemplatedApp, routes: readonly Route[], deps: RoutingDeps): void {
  for (const route of routes) {
    app[inLibrary[route.method]](route.path, serve(route, deps));
    if (route.method === "get") app.head(route.path, serve(route, deps));
  }
  for (const [path, ofPath] of byPath(routes)) {
    const methods = ofPath.flatMap(({ method }) => namesOf(method));
    const how = { ...howOf(ofPath[0]), isStreamed: false };
    const more = Object.fromEntries(ofPath.flatMap(({ optionHeaders = {} }) => Object.entries(optionHeaders)));
    app.options(path, (response, request) => {
      const exchange = createExchange(response, request, deps.addresses, how);
      const asked = request.getHeader("access-control-request-headers");
      const reply = admitOrigin(exchange, deps.origins)
        ? preflightReply(methods, asked, more)
        : foreignOrigin(exchange);
      exchange.reply(limitedReply(exchange.whence, deps, exchange.refuse) ?? reply);
    });
    app.any(path, (response, request) => {
      const exchange = createExchange(response, request, deps.addresses, how);
      exchange.reply(limitedReply(exchange.whence, deps, exchange.refuse) ?? wrongMethod(exchange, methods));
    });
  }
}

function byPath(routes: readonly Route[]): Map<string, Route[]> {
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  return paths;
}

function howOf(route: Route | undefined) {
  const { reads = [], refuse, isStreamed = false } = route ?? {};
  return { reads, isStreamed, ...(refuse === undefined ? {} : { refuse }) };
}

function namesOf(method: Route["method"]): string[] {
  return method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()];
}

function foreignOrigin({ refuse }: Exchange): Reply {
  return refuse(new ChatError("FORBIDDEN", { message: "Pages of this origin may not ask." }));
}

function wrongMethod({ path, method, refuse }: Exchange, methods: readonly string[]): Reply {
  const allow = methods.join(", ");
  const reply = refuse(new ChatError("UNSUPPORTED", { message: `${path} takes ${allow}, not ${method}.` }));
  return { ...reply, status: 405, headers: { ...reply.headers, allow } };
}

function serve(route: Route, deps: RoutingDeps) {
  const how = { ...howOf(route), parameterCount: parameterNames(route).length };
  return (response: HttpResponse, request: HttpRequest): void => {
    const exchange = createExchange(response, request, deps.addresses, how);
    if (!admitOrigin(exchange, deps.origins)) {
      countOne(deps.counters.errors, "FORBIDDEN");
      return exchange.reply(limitedReply(exchange.whence, deps, exchange.refuse) ?? foreignOrigin(exchange));
    }
    const room = route.isForm === true ? takeRoom(exchange) : noRoomNeeded;
    if (room === undefined) return exchange.reply(refusal(uploadsFull(), exchange, deps));
    // The body must be listened for before anything is waited for.
    const body = route.hasBody
      ? exchange.body(route.maxBodyBytes ?? limits.escapedFrameBytes)
      : Promise.resolve(noBody);
    void answer(route, exchange, body, deps)
      .catch((thrown: unknown) => exchange.reply(refusal(thrown, exchange, deps)))
      .finally(room);
  };
}

async function answer(
  route: Route,
  exchange: Exchange,
  body: Promise<Buffer | undefined>,
  { admission, may, limiter, isStopping, counters }: RoutingDeps,
): Promise<void> {
  if (isStopping() && route.access !== "anybody") throw new ChatError("SHUTTING_DOWN", { retryAfterMs: 1_000 });
  const { whence } = exchange;
  if (!isProbe(route)) limiter.requesting(whence);
  const asker = await admission.byRequest(exchange, route.access, whence);
  const caller = callerFor(may, asker, exchange.header(onBehalfOfHeader));
  if (route.access !== "anybody") limiter.requestOf(caller, whence);
  const bytes = await body;
  admission.recheck(caller);
  if (bytes === undefined) throw tooLarge(route.maxBodyBytes);
  limiter.bodyOf(caller, whence, bytes.length);
  const problem =
    route.hasBody && route.isForm !== true ? bodyTypeProblem(exchange, route.takesAnyType === true) : undefined;
  if (problem !== undefined) {
    countOne(counters.errors, "UNSUPPORTED");
    return exchange.reply({ ...exchange.refuse(new ChatError("UNSUPPORTED", { message: problem })), status: 415 });
  }
  const params = Object.fromEntries(parameterNames(route).map((name, index) => [name, parameterOf(exchange, index)]));
  const raw = {
    params,
    query: Object.fromEntries(exchange.query),
    body: bodyOf(route, exchange, bytes),
    bytes,
  };
  const reply = await route.answer({ caller, exchange, recheck: () => admission.recheck(caller) }, raw);
  if (reply !== undefined) exchange.reply(reply);
}

function bodyOf(route: Route, { header }: Exchange, bytes: Buffer): unknown {
  if (!route.hasBody) return {};
  return route.isForm === true ? parseForm(bytes, header("content-type")) : parseBody(bytes, route.maxBodyBytes);
}

/** The library gives parameters as they stand in the address. */
function parameterOf({ parameters }: Exchange, index: number): string | undefined {
  const text = parameters[index];
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", {
      message: "The address is not valid: it has a % that begins no character.",
      cause,
    });
  }
}

/** Whoever looks whether this process is well must never be told to come later. */
function isProbe({ path }: Route): boolean {
  return path === "/health";
}

function refusal(
  thrown: unknown,
  { method, path, refuse }: Exchange,
  { isBrokerWell, counters, log }: RoutingDeps,
): Reply {
  // Whatever the broker's client throws while it is away means the same: try again.
  const isOurs = thrown instanceof ChatError || isBrokerWell();
  const error = isOurs ? toChatError(thrown) : new ChatError("OVERLOADED", { cause: thrown, retryAfterMs: 1_000 });
  countOne(counters.errors, error.code);
  // What a caller did wrong has its cause in what they sent, which is theirs and may be megabytes.
  const err = error.code === "INVALID_FRAME" ? error.message : error;
  log[error.status >= 500 ? "warn" : "debug"]({ err, method, path }, "a request was refused");
  return refuse(error);
}

const preflightSeconds = "600";
/** What pages of other origins read of answers, beside what any page may. */
const exposedHeaders = [
  ...["retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "x-parley-conversation", "x-parley-turn"],
  ...["x-workflow-run-id", "x-workflow-stream-tail-index", "mcp-session-id"],
  ...["stream-next-offset", "stream-up-to-date", "stream-closed", "stream-cursor", "etag", "www-authenticate"],
  ...["location", "tus-resumable", "tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm"],
  ...["upload-offset", "upload-length", "upload-expires", "accept-ranges", "content-range", "content-disposition"],
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
function preflightReply(methods: readonly string[], asked: string, more: Readonly<Record<string, string>>): Reply {
  const isList = asked.length <= mostListChars && headerList.test(asked);
  const headers = {
    ...more,
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": isList ? `${ownHeaders}, ${asked}` : ownHeaders,
    "access-control-max-age": preflightSeconds,
  };
  return { status: 204, headers, body: "" };
}
