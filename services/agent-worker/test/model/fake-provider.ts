import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createLogger } from "@parley/runtime";
import { createModelClient, type ModelClientOptions } from "../../src/model/model-client.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";

const API_KEY = "sk-test-1234567890";

export type SeenRequest = {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  closedAt?: number;
};
/** `turn` counts the requests from 0. */
export type Answer = (res: ServerResponse, request: SeenRequest, turn: number) => void;

/** A real HTTP server that plays a provider. */
export async function startProvider(answer: Answer) {
  const requests: SeenRequest[] = [];
  const server = createServer((req, res) => {
    void readBody(req).then((body) => {
      const request: SeenRequest = { path: req.url ?? "", headers: req.headers, body };
      res.on("close", () => (request.closedAt = performance.now()));
      answer(res, request, requests.push(request) - 1);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    requests,
    client: (options: Partial<ModelClientOptions> = {}): ModelClient =>
      createClient(`http://127.0.0.1:${address.port}/v1`, options),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export function createClient(baseURL: string, options: Partial<ModelClientOptions> = {}): ModelClient {
  return createModelClient({
    provider: providerFrom({ OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: API_KEY, OPENAI_MODEL: "test-model" }),
    idleMs: 5_000,
    firstTokenMs: 5_000,
    log: createLogger({ service: "test", level: "silent", format: "json" }),
    ...options,
  });
}

async function readBody(req: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

export const question: ModelRequest = {
  messages: [{ role: "user", content: "hello" }],
  tools: [],
  requestId: "turn-1-0",
};

export const withTool: ModelRequest = {
  ...question,
  tools: [
    { type: "function", function: { name: "clock", description: "Tells the time.", parameters: { type: "object" } } },
  ],
};

/** One chunk of a stream as an object. */
export function chunk(delta: object, finishReason: string | null = null): object {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return { id: "c1", object: "chat.completion.chunk", created: 1, model: "test-model-v2", choices };
}

export const usageChunk = {
  ...chunk({}),
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
};

/** Begins a stream and writes chunks; the stream stays open. */
export function writeChunks(res: ServerResponse, ...chunks: object[]): void {
  if (!res.headersSent) res.writeHead(200, { "content-type": "text/event-stream" });
  for (const data of chunks) res.write(`data: ${JSON.stringify(data)}\n\n`);
}

/** Writes until the client is gone. */
export function keepWriting(res: ServerResponse, everyMs: number, write: () => void): void {
  const timer = setInterval(write, everyMs);
  res.on("close", () => clearInterval(timer));
}

/** A whole, well-behaved stream. */
export function sendStream(res: ServerResponse, ...chunks: object[]): void {
  writeChunks(res, ...chunks);
  res.end("data: [DONE]\n\n");
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { "content-type": "application/json", ...headers });
  res.end(JSON.stringify(body));
}

/** All events of an answer. */
export async function collect(client: ModelClient, request: ModelRequest, signal: AbortSignal): Promise<ModelEvent[]> {
  const collected: ModelEvent[] = [];
  await client.stream(request, signal, (events) => void collected.push(...events));
  return collected;
}

/** The events until the stream fails, and the error it failed with. */
export async function collectUntilError(
  client: ModelClient,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<{ events: ModelEvent[]; error: unknown }> {
  const collected: ModelEvent[] = [];
  try {
    await client.stream(request, signal, (events) => void collected.push(...events));
  } catch (error) {
    return { events: collected, error };
  }
  throw new Error("the stream did not fail");
}

export function never(): AbortSignal {
  return new AbortController().signal;
}
