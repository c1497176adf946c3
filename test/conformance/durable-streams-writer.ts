import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { EventTooLargeError, openBus, type Bus } from "@parley/bus";
import { subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { z } from "zod";
import type { ConformanceWorld } from "./world.ts";

/**
 * The write half that the suite of Durable Streams needs, in front of an edge that has only the read half: what the suite appends becomes a message of a
 * conversation, straight in the event stream, and what it reads goes through the edge as it is, but for the bodies, in which the messages become again what was
 * appended. So offsets, headers, statuses, waiting and server-sent events are the edge's.
 */
export interface StreamWriter {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Stream {
  readonly conversation: string;
  readonly contentType: string;
  isDeleted: boolean;
  seq: string;
}

interface Writer {
  readonly bus: Bus;
  readonly edge: string;
  readonly token: string;
  readonly user: string;
  readonly streams: Map<string, Stream>;
}

const defaultType = "application/octet-stream";

export async function startStreamWriter(world: ConformanceWorld): Promise<StreamWriter> {
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const bus = await openBus({ servers: world.system.nats.url, name: "test", log });
  const user = `streams-${randomUUID()}`;
  const writer = { bus, edge: world.url, token: await world.token(user), user, streams: new Map<string, Stream>() };
  const server = createServer((request, response) => {
    handle(writer, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(error instanceof EventTooLargeError ? 413 : 500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address() satisfies AddressInfo | string | null);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await bus.close();
    },
  };
}

async function handle(writer: Writer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const stream = writer.streams.get(url.pathname);
  const verb = request.method ?? "GET";
  if (verb === "PUT") return create(writer, { request, response, url, stream });
  if (verb === "POST") return append(writer, { request, response, url, stream });
  if (verb === "DELETE") return remove(writer, { request, response, url, stream });
  return forward(writer, { request, response, url, stream });
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly stream: Stream | undefined;
}

async function create(writer: Writer, { request, response, url, stream }: Asked): Promise<void> {
  const contentType = request.headers["content-type"] ?? defaultType;
  const body = await bodyOf(request);
  if (stream !== undefined && !stream.isDeleted) {
    const status = isSameType(stream.contentType, contentType) ? 200 : 409;
    response.writeHead(status, await written(writer, stream)).end();
    return;
  }
  const conversation = `ds_${createHash("sha256").update(`${url.pathname} ${randomUUID()}`).digest("hex").slice(0, 24)}`;
  const made: Stream = { conversation, contentType, isDeleted: false, seq: "" };
  writer.streams.set(url.pathname, made);
  await writer.bus.owners.claim(conversation, writer.user);
  const shard = writer.bus.events.shardOf(conversation);
  // An empty stream is a conversation of which something is stored, and nothing is to be seen.
  const mark = { type: "mark" as const, conversation_id: conversation, turn_id: "t_mark", ts: Date.now() };
  await writer.bus.events.writeOnce(subjects.mark(shard, conversation, "t_mark", 0), mark);
  await write(writer, made, body);
  const location = `http://${request.headers.host ?? ""}${url.pathname}`;
  response.writeHead(201, { ...(await written(writer, made)), location }).end();
}

async function append(writer: Writer, { request, response, stream }: Asked): Promise<void> {
  const body = await bodyOf(request);
  const type = request.headers["content-type"];
  const status = refusalOf(stream, body, type);
  if (status !== undefined || stream === undefined) return void response.writeHead(status ?? 404).end();
  const seq = request.headers["stream-seq"];
  if (typeof seq === "string") {
    if (seq <= stream.seq) return void response.writeHead(409).end();
    stream.seq = seq;
  }
  if (isJson(stream.contentType) && !isJsonText(body)) return void response.writeHead(400).end();
  await write(writer, stream, body);
  response.writeHead(204, await written(writer, stream)).end();
}

function refusalOf(stream: Stream | undefined, body: Buffer, type: string | undefined): number | undefined {
  if (stream === undefined || stream.isDeleted) return 404;
  if (body.length === 0 || type === undefined) return 400;
  return isSameType(stream.contentType, type) ? undefined : 409;
}

function isJsonText(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(body.toString());
    return !(Array.isArray(value) && value.length === 0);
  } catch {
    return false;
  }
}

async function write({ bus, user }: Writer, { conversation, contentType }: Stream, body: Buffer): Promise<void> {
  const shard = bus.events.shardOf(conversation);
  for (const payload of payloadsOf(body, isJson(contentType))) {
    const turn_id = `t_${randomUUID()}`;
    await bus.events.writeOnce(subjects.user(shard, conversation, turn_id), {
      ...{ type: "message", conversation_id: conversation, turn_id, ts: Date.now() },
      ...{ message_id: `${turn_id}-u`, id: turn_id, author: { role: "user", id: user } },
      message: payload.toString("base64"),
    });
  }
}

function payloadsOf(body: Buffer, isJsonStream: boolean): Buffer[] {
  if (body.length === 0) return [];
  if (!isJsonStream) return [body];
  const value: unknown = JSON.parse(body.toString());
  return (Array.isArray(value) ? value : [value]).map((one) => Buffer.from(JSON.stringify(one)));
}

async function remove(writer: Writer, { response, stream }: Asked): Promise<void> {
  if (stream === undefined || stream.isDeleted) return void response.writeHead(404).end();
  const { edge, token } = writer;
  const address = `${edge}/api/v1/conversations/${stream.conversation}`;
  const answer = await fetch(address, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  stream.isDeleted = answer.ok;
  response.writeHead(answer.status).end();
}

/** What an answer to a write says: where the stream ends, as the edge sees it. */
async function written(
  { edge, token }: Writer,
  { conversation, contentType }: Stream,
): Promise<Record<string, string>> {
  const address = `${edge}/v1/conversations/${conversation}/stream`;
  const { headers } = await fetch(address, { method: "HEAD", headers: { authorization: `Bearer ${token}` } });
  const next = headers.get("stream-next-offset") ?? "";
  return { "content-type": contentType, "stream-next-offset": next, "x-content-type-options": "nosniff" };
}

const ofConnection: ReadonlySet<string> = new Set(["connection", "content-length", "transfer-encoding", "keep-alive"]);

async function forward(writer: Writer, { request, response, url, stream }: Asked): Promise<void> {
  const { conversation = "ds_none", contentType = defaultType } = stream ?? {};
  const aborting = new AbortController();
  response.on("close", () => aborting.abort());
  const address = `${writer.edge}/v1/conversations/${conversation}/stream${url.search}`;
  const how = { method: request.method ?? "GET", headers: headersOf(request, writer), signal: aborting.signal };
  const answer = await fetch(address, how);
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  response.writeHead(answer.status, headersFor(answer, contentType, isStream));
  if (isStream && answer.body !== null)
    return relay(answer.body, response, contentType).catch(() => void response.destroy());
  const body = await answer.text();
  response.end(answer.status === 200 && body !== "" ? payloadOf(JSON.parse(body), contentType) : body);
}

const passedOn = ["if-none-match", "origin", "access-control-request-method", "access-control-request-headers"];

function headersOf({ headers }: IncomingMessage, { token }: Writer): Record<string, string> {
  const given = passedOn.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  return { authorization: `Bearer ${token}`, ...Object.fromEntries(given) };
}

function headersFor(answer: Response, contentType: string, isStream: boolean): Record<string, string> {
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !ofConnection.has(name)));
  if (!isStream) return answer.ok ? { ...headers, "content-type": contentType } : headers;
  return isBinary(contentType) ? { ...headers, "stream-sse-data-encoding": "base64" } : headers;
}

async function relay(body: ReadableStream<Uint8Array>, response: ServerResponse, contentType: string): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) response.write(`${blockOf(block, contentType)}\n\n`);
  }
  response.end();
}

function blockOf(block: string, contentType: string): string {
  const head = "event: data\ndata:";
  if (!block.startsWith(head)) return block;
  const payload = payloadOf(JSON.parse(block.slice(head.length)), contentType);
  const text = isBinary(contentType) ? payload.toString("base64") : payload.toString();
  return ["event: data", ...text.split(/\r\n|\r|\n/).map((line) => `data:${line}`)].join("\n");
}

const Frames = z.array(z.looseObject({ type: z.string(), message: z.string().optional() }));

function payloadOf(frames: unknown, contentType: string): Buffer {
  const said = Frames.parse(frames).filter(({ type }) => type === "message");
  const payloads = said.map(({ message = "" }) => Buffer.from(message, "base64"));
  return isJson(contentType) ? Buffer.from(`[${payloads.map(String).join(",")}]`) : Buffer.concat(payloads);
}

function bareType(type: string): string {
  return type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

const isSameType = (one: string, other: string): boolean => bareType(one) === bareType(other);
const isJson = (type: string): boolean => bareType(type) === "application/json";
const isBinary = (type: string): boolean => !isJson(type) && !bareType(type).startsWith("text/");

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(z.instanceof(Uint8Array).parse(chunk)));
  return Buffer.concat(chunks);
}
