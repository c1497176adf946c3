import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { freePort } from "@parley/testkit";

/** A model that says when it was asked and when its caller hung up, on the clock of whoever started it. */
export interface ModelServer {
  readonly url: string;
  /** When the request with this mark came in. */
  asked(mark: string): Promise<number>;
  /** When its caller closed it before the end. */
  closed(mark: string): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

const tokenEveryMs = 20;
/** In a message: answers until the caller hangs up. */
export const endless = "without end";

export function markOf(n: number): string {
  return `mark-${n}-`;
}

/** The last mark: earlier ones are the conversation's history. */
function lastMark(body: string): string {
  return [...body.matchAll(/mark-\d+-/g)].at(-1)?.[0] ?? "";
}

function createMoments() {
  const known = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  return {
    note(mark: string): void {
      const at = performance.now();
      known.set(mark, at);
      waiting.get(mark)?.(at);
      waiting.delete(mark);
    },
    of: (mark: string): Promise<number> =>
      new Promise((resolve) => {
        const at = known.get(mark);
        if (at === undefined) waiting.set(mark, resolve);
        else resolve(at);
      }),
  };
}

function chunk(delta: object, finish: string | null): string {
  const choice = { index: 0, delta, finish_reason: finish };
  const common = { id: "bench", object: "chat.completion.chunk", created: 1, model: "bench" };
  return `data: ${JSON.stringify({ ...common, choices: [choice] })}\n\n`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  request.setEncoding("utf8");
  let body = "";
  for await (const part of request) body += String(part);
  return body;
}

function answerWithoutEnd(response: ServerResponse, onClosed: () => void): void {
  const timer = setInterval(() => response.write(chunk({ content: " word" }, null)), tokenEveryMs);
  response.once("close", () => {
    clearInterval(timer);
    onClosed();
  });
}

export async function startModelServer(): Promise<ModelServer> {
  const asked = createMoments();
  const closed = createMoments();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const mark = lastMark(body);
    asked.note(mark);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk({ role: "assistant", content: "Yes." }, null));
    if (body.lastIndexOf(endless) > body.lastIndexOf(mark)) return answerWithoutEnd(response, () => closed.note(mark));
    response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
  };
  const server = createServer({ noDelay: true }, (request, response) => void answer(request, response));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked: asked.of,
    closed: closed.of,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
