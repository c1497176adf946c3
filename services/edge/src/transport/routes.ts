import type { HttpRequest, TemplatedApp } from "uWebSockets.js";
import { errorReply, send, type Reply } from "./reply.ts";
import type { Route } from "./route.ts";
import { addTable, type RoutingDeps } from "./routing.ts";

export interface RouteDeps extends RoutingDeps {
  readonly pages: ReadonlyMap<string, Reply>;
  /** The endpoints of the table. */
  readonly routes: readonly Route[];
}

/** What the public port answers to HTTP: pages, the table, and that there is nothing else. */
export function addRoutes(app: TemplatedApp, deps: RouteDeps): void {
  const start: Reply = { status: 302, headers: { location: "/ws/test" }, body: "" };
  for (const [path, page] of [["/", start] as const, ...deps.pages]) {
    app.get(path, (response) => send(response, page));
    app.head(path, (response) => send(response, page, true));
  }
  addTable(app, deps.routes, deps);
  app.any("/*", (response, request) => send(response, notFound(request), request.getMethod() === "head"));
}

function notFound(request: HttpRequest): Reply {
  return errorReply("NOT_FOUND", `There is nothing at ${request.getMethod().toUpperCase()} ${request.getUrl()}.`);
}
