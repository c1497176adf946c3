import { setTimeout as delay } from "node:timers/promises";
import type { RawData } from "ws";
import { z } from "zod";

/** Where the turn is that somebody looks at. */
export interface TurnPlace {
  readonly conversation: string;
  readonly turn: string;
  /** Of protocols that find a turn by its message; undefined: its id is not known. */
  readonly message: AskedMessage | undefined;
}

export interface AskedMessage {
  readonly id: string;
  readonly text: string;
  readonly agent: string | undefined;
}

/** One connection of a viewer, from its beginning to its end. */
export interface Visit {
  /** Of one edge: `http://…`. */
  readonly origin: string;
  readonly token: string;
  /** Aborted when the connection is to be cut. */
  readonly signal: AbortSignal;
}

/** What the server must not do, whatever was killed. */
export class Breach extends Error {}

/** The server said no. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, body: string) {
    super(`HTTP ${status}: ${body.slice(0, 200)}`);
    this.status = status;
  }
}

/** Not heard of in time: it comes back. */
export class Elsewhere extends Error {}

export interface Asking {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export function ask({ origin, token, signal }: Visit, path: string, asking: Asking = {}): Promise<Response> {
  const { headers, body, method = body === undefined ? "GET" : "POST" } = asking;
  return fetch(`${origin}${path}`, {
    method,
    signal,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Throws Refused for any other status than 200. */
export async function askJson(visit: Visit, path: string, asking?: Asking): Promise<unknown> {
  const answer = await ask(visit, path, asking);
  const text = await answer.text();
  if (answer.status !== 200) throw new Refused(answer.status, text);
  return JSON.parse(text);
}

export interface ServerEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** The events of a stream; ends where the stream ends in order, throws where its connection breaks. Comments are passed over. */
export async function* serverEvents(answer: Response): AsyncGenerator<ServerEvent> {
  if (answer.status !== 200) throw new Refused(answer.status, await answer.text());
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let left = "";
  const chunks: AsyncIterable<Uint8Array> | null = answer.body;
  for await (const chunk of chunks ?? []) {
    left += decoder.decode(chunk, { stream: true });
    for (let end = left.indexOf("\n\n"); end >= 0; end = left.indexOf("\n\n")) {
      const event = eventIn(left.slice(0, end));
      left = left.slice(end + 2);
      if (event !== undefined) yield event;
    }
  }
  if (left !== "") throw new Breach(`the stream ended in an event: ${left.slice(0, 100)}`);
}

function eventIn(block: string): ServerEvent | undefined {
  let type = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([a-z]*): ?(.*)$/s.exec(line) ?? [];
    if (name === "event") type = value;
    else if (name === "id") id = value;
    else if (name === "data") data.push(value);
    else if (name !== "") throw new Breach(`a line of the stream is no field: ${line.slice(0, 100)}`);
  }
  return data.length === 0 ? undefined : { type, id, data: data.join("\n") };
}

/** How long is listened for what must not follow an end, where the stream itself goes on. */
const afterEndMs = 150;

export function afterEnd(signal: AbortSignal): Promise<unknown> {
  return delay(afterEndMs, undefined, { signal });
}

/** An object with a type, as all dialects have them. */
export const Typed = z.looseObject({ type: z.string() });
export type Typed = z.infer<typeof Typed>;

/** Throws Breach for what is not as the schema has it. */
export function readAs<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new Breach(`cannot be read: ${(JSON.stringify(value) ?? "nothing").slice(0, 200)}`);
}

/** A message of a WebSocket. */
export function textOfMessage(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data).toString("utf8");
}

export function jsonOf(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new Breach(`is no JSON: ${data.slice(0, 200)}`);
  }
}
