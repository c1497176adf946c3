import type { Logger } from "@parley/runtime";
import type { HttpRequest, HttpResponse, TemplatedApp } from "uWebSockets.js";
import { createExchange } from "./exchange.ts";
import { errorReply, jsonReply, send, type Reply } from "./reply.ts";
import type { Route } from "./route.ts";
import { addTable, type RoutingDeps } from "./routing.ts";

export interface RouteDeps extends RoutingDeps {
  readonly pages: ReadonlyMap<string, Reply>;
  readonly version: string;
  /** Whether the broker can be reached. */
  readonly isConnected: () => boolean;
  /** What keeps this process from serving, as sentences. */
  readonly problems: () => string[];
  /** Makes tokens for developers; undefined: there is no such endpoint. */
  readonly devToken: ((body: string) => Promise<Reply>) | undefined;
  /** The endpoints of the table. */
  readonly routes: readonly Route[];
}

const maxBodyBytes = 64 * 1024;

/** The HTTP endpoints of the public port. */
export function addRoutes(app: TemplatedApp, deps: RouteDeps): void {
  const { pages, devToken, routes, log } = deps;
  app.get("/health", (response) => send(response, health(deps)));
  app.get("/", (response) => send(response, { status: 302, headers: { location: "/ws/test" }, body: "" }));
  for (const [path, page] of pages) app.get(path, (response) => send(response, page));
  if (devToken !== undefined) app.post("/api/v1/auth/dev-token", withBody(devToken, log));
  addTable(app, routes, deps);
  app.any("/*", (response, request) => send(response, notFound(request)));
}

function health({ version, isConnected, problems }: RouteDeps): Reply {
  const trouble = problems();
  const status = trouble.length === 0 ? "ok" : "unavailable";
  return jsonReply(trouble.length === 0 ? 200 : 503, {
    status,
    version,
    nats: isConnected() ? "connected" : "disconnected",
    uptime_s: Math.round(process.uptime()),
    ...(trouble.length === 0 ? {} : { problems: trouble }),
  });
}

function notFound(request: HttpRequest): Reply {
  return errorReply("NOT_FOUND", `There is nothing at ${request.getMethod().toUpperCase()} ${request.getUrl()}.`);
}

/** Answers with what `handle` makes of the body, whatever its type, unless the client left. */
function withBody(handle: (body: string) => Promise<Reply>, log: Logger) {
  return (response: HttpResponse, request: HttpRequest): void => {
    const exchange = createExchange(response, request);
    const answer = async (): Promise<Reply> => {
      const body = await exchange.body(maxBodyBytes);
      return body === undefined ? errorReply("MESSAGE_TOO_LARGE") : handle(body);
    };
    void answer()
      .catch((err: unknown) => {
        log.error({ err }, "a request failed");
        return errorReply("PROCESSING_ERROR");
      })
      .then(exchange.reply);
  };
}
