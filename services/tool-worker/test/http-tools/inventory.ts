import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createLogger } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { openHttpTools } from "../../src/http-tools/http-tools.ts";
import type { PreparedCall, ToolOutput } from "../../src/tools/tool.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** What a service was asked. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What it answers: status, headers and text; undefined: it ends the connection without a word. */
export type Answer = { status?: number; headers?: Record<string, string>; body?: string | Buffer } | undefined;

/** A plain service on the loopback interface; `answer` says what it does with a request. */
export async function startHttpService(answer: (request: Received, raw: IncomingMessage) => Answer | Promise<Answer>) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      void Promise.resolve(answer(one, request)).then((said) => {
        if (said === undefined) return request.socket.destroy();
        response.writeHead(said.status ?? 200, { "content-type": "application/json", ...said.headers });
        return response.end(said.body ?? "");
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Eight operations of a small stock-keeping service, as such documents look: references, 3.0's own words, a schema within itself. */
export const inventoryDocument = {
  openapi: "3.0.3",
  info: { title: "Inventory", version: "1" },
  paths: {
    "/items": {
      get: {
        operationId: "listItems",
        summary: "Lists what is in stock",
        parameters: [
          { name: "q", in: "query", schema: { type: "string" } },
          { name: "tag", in: "query", schema: { type: "array", items: { type: "string" } } },
          { name: "fields", in: "query", explode: false, schema: { type: "array", items: { type: "string" } } },
          { name: "filter", in: "query", style: "deepObject", schema: { type: "object", additionalProperties: true } },
          { $ref: "#/components/parameters/Limit" },
        ],
      },
      post: {
        operationId: "createItem",
        summary: "Adds an item",
        requestBody: { $ref: "#/components/requestBodies/Item" },
      },
    },
    "/items/{id}": {
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      get: { operationId: "getItem", summary: "Shows an item" },
      put: {
        operationId: "replaceItem",
        parameters: [{ name: "If-Match", in: "header", required: true, schema: { type: "string" } }],
        requestBody: { $ref: "#/components/requestBodies/Item" },
      },
      delete: { operationId: "deleteItem", summary: "Removes an item" },
    },
    "/items/{id}/moves": {
      post: {
        operationId: "moveItem",
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
        requestBody: {
          content: {
            "application/x-www-form-urlencoded": {
              schema: { type: "object", properties: { to: { type: "string" }, note: { type: "string" } } },
            },
          },
        },
      },
    },
    "/search": {
      post: {
        operationId: "search",
        summary: "Searches",
        requestBody: { content: { "application/json": { schema: { type: "object" } } } },
      },
    },
    "/report": { get: { operationId: "report" } },
  },
  components: {
    parameters: { Limit: { name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: 100 } } },
    requestBodies: {
      Item: { required: true, content: { "application/json": { schema: { $ref: "#/components/schemas/Item" } } } },
    },
    schemas: {
      Item: {
        type: "object",
        required: ["id", "name", "count"],
        properties: {
          id: { type: "string", readOnly: true },
          name: { type: "string", maxLength: 50, pattern: "^(a+)+$" },
          count: { type: "integer", minimum: 0, exclusiveMinimum: true },
          colour: { type: "string", nullable: true, enum: ["red", "blue"] },
          parts: { type: "array", items: { $ref: "#/components/schemas/Item" } },
        },
      },
    },
  },
};

export const inventoryOperations = {
  ...{ listItems: null, getItem: null, createItem: null, replaceItem: null, deleteItem: null, moveItem: null },
  search: { effect: "read", description: "Searches the stock." },
  report: { name: "stock_report", timeout_ms: 1_000 },
};

export interface ServiceSetting {
  readonly url: string;
  readonly document?: unknown;
  /** In place of those of the inventory's file. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A folder with the inventory's file and its document, and its tools. */
export async function openInventory({ url, document = inventoryDocument, settings = {} }: ServiceSetting) {
  const folder = await tempDir();
  const write = async (changed: Readonly<Record<string, unknown>>): Promise<void> => {
    const file = {
      ...{ document: "inventory.openapi.json", base_url: url, private_addresses: true },
      ...{ operations: inventoryOperations, ...changed },
    };
    await writeFile(path.join(folder.path, "inventory.yaml"), JSON.stringify(file, undefined, 1));
  };
  await mkdir(folder.path, { recursive: true });
  await writeFile(path.join(folder.path, "inventory.openapi.json"), JSON.stringify(document));
  await write(settings);
  const env = { INVENTORY_TOKEN: "very-secret-token" };
  const http = await openHttpTools({ folder: folder.path, env, log, everyMs: 30 }).catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  const prepare = (name: string, args: Readonly<Record<string, unknown>> = {}): PreparedCall => {
    const tool = http.tools().find(({ definition }) => definition.name === name);
    if (tool === undefined) throw new Error(`There is no tool ${name}.`);
    return tool.prepare(args);
  };
  const runnable = (name: string, args?: Readonly<Record<string, unknown>>) => {
    const call = prepare(name, args);
    if ("problem" in call) throw new Error(call.problem);
    return call;
  };
  return {
    ...{ folder: folder.path, http, write, runnable },
    problem: (name: string, args?: Readonly<Record<string, unknown>>): string => {
      const call = prepare(name, args);
      return "problem" in call ? call.problem : "";
    },
    run: (name: string, args?: Readonly<Record<string, unknown>>, signal = AbortSignal.timeout(10_000)) =>
      runnable(name, args).run(contextOf(signal)) satisfies Promise<ToolOutput>,
    async [Symbol.asyncDispose]() {
      http.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function contextOf(signal: AbortSignal = AbortSignal.timeout(10_000)) {
  return { callId: "t1-0-0", user: { id: "änna\r\nX-Evil: 1" }, signal, progress: (): void => {} };
}
