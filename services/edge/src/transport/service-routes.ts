import { randomBytes } from "node:crypto";
import type { ToolCatalogue } from "@parley/bus";
import { User } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import { z } from "zod";
import type { Tokens } from "../admission/tokens.ts";
import { openApiDocument } from "./openapi.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface HealthDeps {
  readonly version: string;
  /** Whether the broker can be reached. */
  readonly isConnected: () => boolean;
  /** What keeps this process from serving, as sentences. */
  readonly problems: () => string[];
  /** Undefined: there is no Redis here. */
  readonly catalogue: Pick<ToolCatalogue, "list" | "isKnown"> | undefined;
}

const ToolWorkers = z.enum(["announced", "none announced", "unknown"]);
/** Who asks for the health of an edge does not wait for a Redis that stands still. */
const maxCatalogueMs = 250;

const Health = z.object({
  status: z.enum(["ok", "unavailable"]),
  version: z.string(),
  nats: z.enum(["connected", "disconnected"]),
  tool_workers: ToolWorkers.describe("Whether some have said what they can run. Answers without tools need none."),
  uptime_s: z.number(),
  problems: z.array(z.string()).optional(),
});

export function createHealthRoute({ version, isConnected, problems, catalogue }: HealthDeps): Route {
  return defineRoute({
    method: "get",
    path: "/health",
    summary: "Whether this process can serve.",
    access: "anybody",
    params: nothing,
    query: nothing,
    body: nothing,
    responses: {
      200: { description: "It can.", content: Health },
      503: { description: "It cannot, or not for much longer.", content: Health },
    },
    async handle() {
      const trouble = problems();
      const isWell = trouble.length === 0;
      const health: z.infer<typeof Health> = {
        status: isWell ? "ok" : "unavailable",
        version,
        nats: isConnected() ? "connected" : "disconnected",
        tool_workers: await toolWorkersIn(catalogue),
        uptime_s: Math.round(process.uptime()),
        ...(isWell ? {} : { problems: trouble }),
      };
      return jsonReply(isWell ? 200 : 503, health);
    },
  });
}

async function toolWorkersIn(catalogue: HealthDeps["catalogue"]): Promise<z.infer<typeof ToolWorkers>> {
  const tools = await withDeadline(catalogue?.list() ?? Promise.resolve([]), maxCatalogueMs, "the list of tools").catch(
    () => [],
  );
  if (tools.length > 0) return "announced";
  return catalogue?.isKnown() === true ? "none announced" : "unknown";
}

const Wish = z.object({
  sub: z.string().min(1).max(128).optional(),
  name: z.string().max(128).optional(),
  email: z.string().max(320).optional(),
  expires_in_s: z
    .number()
    .int()
    .min(1)
    .max(7 * 86_400)
    .default(3_600),
});

const DevToken = z.object({ token: z.string(), user: User, expires_at: z.number() });

/** A token for whoever asks. Only where `AUTH_DEV` says so. */
export function createDevTokenRoute(tokens: Pick<Tokens, "sign">): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/auth/dev-token",
    summary: "Get a token, in development only.",
    access: "anybody",
    takesAnyType: true,
    params: nothing,
    query: nothing,
    body: Wish,
    responses: { 200: { description: "The token.", content: DevToken } },
    async handle(_call, { body: { sub, name, email, expires_in_s } }) {
      const user: User = {
        id: sub ?? `dev-${randomBytes(6).toString("hex")}`,
        ...(name === undefined ? {} : { name }),
        ...(email === undefined ? {} : { email }),
      };
      const { token, expiresAtMs } = await tokens.sign(user, expires_in_s * 1_000);
      return jsonReply(200, { token, user, expires_at: expiresAtMs } satisfies z.infer<typeof DevToken>);
    },
  });
}

/** These routes, and one more that describes them all. */
export function withDocument(others: readonly Route[], version: string): Route[] {
  let document: object | undefined;
  const routes: Route[] = [
    ...others,
    defineRoute({
      method: "get",
      path: "/api/openapi.json",
      summary: "This document.",
      access: "anybody",
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: { description: "OpenAPI 3.1.", content: z.record(z.string(), z.unknown()) } },
      async handle() {
        document ??= openApiDocument(routes, version);
        return jsonReply(200, document);
      },
    }),
  ];
  return routes;
}
