import { EventFrame, ServerFrame } from "@parley/protocol";
import { tokenOf, type EdgeUnderTest } from "./edge-fixture.ts";

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface RequestOptions {
  /** Whose token is sent; null: none. */
  readonly user?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export async function request(
  edge: EdgeUnderTest,
  method: string,
  path: string,
  { user = "ann", body, headers = {}, signal }: RequestOptions = {},
): Promise<Response> {
  const auth: Record<string, string> = user === null ? {} : { authorization: `Bearer ${await tokenOf(user)}` };
  return fetch(`http://127.0.0.1:${edge.port}${path}`, {
    method,
    headers: { "content-type": "application/json", ...auth, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** One request with its whole answer. */
export async function ask(edge: EdgeUnderTest, method: string, path: string, options?: RequestOptions): Promise<Asked> {
  const response = await request(edge, method, path, options);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

export interface SentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly frame: ServerFrame;
}

export interface EventStream {
  readonly status: number;
  readonly headers: Headers;
  /** The next event; undefined at the end of the stream. */
  next(): Promise<SentEvent | undefined>;
  /** All that follow, to the end of the stream. */
  rest(): Promise<SentEvent[]>;
  close(): void;
}

/** A request for events, each checked against the protocol's schema. */
export async function openStream(
  edge: EdgeUnderTest,
  options: RequestOptions,
  path = "/api/v1/chat",
): Promise<EventStream> {
  const leaving = new AbortController();
  const response = await request(edge, "POST", path, {
    ...options,
    headers: { accept: "text/event-stream", ...options.headers },
    signal: leaving.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const next = async (): Promise<SentEvent | undefined> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (!block.startsWith(":")) return parse(block);
        continue;
      }
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) return undefined;
      text += chunk.value;
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    next,
    async rest() {
      const events: SentEvent[] = [];
      for (let event = await next(); event !== undefined; event = await next()) events.push(event);
      return events;
    },
    close: () => leaving.abort(),
  };
}

function parse(block: string): SentEvent {
  const fields = new Map(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
  return {
    id: fields.get("id"),
    event: fields.get("event") ?? "",
    frame: ServerFrame.parse(JSON.parse(fields.get("data") ?? "")),
  };
}

export function isEventFrame(frame: ServerFrame): frame is EventFrame {
  return EventFrame.safeParse(frame).success;
}
