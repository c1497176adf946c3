import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";

const Body = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.string().nullish() }).loose()),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).default([]),
});

/** A request to the model, as far as a script looks at it. */
export interface Asked {
  /** The user's newest message. */
  readonly question: string;
  /** All that users and models have said, the question too. */
  readonly said: readonly string[];
  /** Texts of the tools since then. */
  readonly results: readonly string[];
  /** How often the model was asked with this question. */
  readonly round: number;
  readonly hasTools: boolean;
  /** Their names. */
  readonly tools: readonly string[];
  /** Of the request's messages. */
  readonly bytes: number;
}

export interface Said {
  readonly text?: string;
  readonly calls?: readonly { name: string; arguments: object }[];
  /** More text, when it is time. */
  readonly more?: { readonly after: Promise<void>; readonly text: string };
  /** The stream stays open behind the text until the request is given up. */
  readonly hangs?: boolean;
  /** The connection breaks off behind the text, once that has had time to arrive. */
  readonly breaks?: boolean;
  /** No answer, but this status. */
  readonly status?: number;
}

export interface ModelStub {
  readonly url: string;
  readonly asked: Asked[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A model that says what the script says, in one chunk each for text and calls. */
export async function startModelStub(script: (asked: Asked) => Said): Promise<ModelStub> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void readAsked(request, asked).then((present) => {
      asked.push(present);
      return say(response, script(present));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the model stub has no port");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function readAsked(request: IncomingMessage, before: readonly Asked[]): Promise<Asked> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const { messages, tools } = Body.parse(JSON.parse(Buffer.concat(parts).toString()));
  const from = messages.findLastIndex(({ role }) => role === "user");
  const question = messages[from]?.content ?? "";
  return {
    question,
    said: messages.flatMap(({ role, content }) => (/^(user|assistant)$/.test(role) ? [content ?? ""] : [])),
    results: messages.slice(from).flatMap(({ role, content }) => (role === "tool" ? [content ?? ""] : [])),
    round: before.filter((each) => each.question === question).length,
    hasTools: tools.length > 0,
    tools: tools.map((tool) => tool.function.name),
    bytes: Buffer.byteLength(JSON.stringify(messages)),
  };
}

async function say(response: ServerResponse, said: Said): Promise<void> {
  const { text, more, calls = [], hangs, breaks, status } = said;
  if (status !== undefined) return void response.writeHead(status).end("{}");
  response.writeHead(200, { "content-type": "text/event-stream" });
  const write = (delta: object, finish: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "stub", choices })}\n\n`);
  };
  if (text !== undefined) write({ content: text });
  await more?.after;
  if (more !== undefined) write({ content: more.text });
  for (const [index, call] of calls.entries()) {
    const called = { name: call.name, arguments: JSON.stringify(call.arguments) };
    write({ tool_calls: [{ index, id: `call-${index}`, type: "function", function: called }] });
  }
  if (breaks === true) setTimeout(() => response.destroy(), 100);
  if (hangs === true || breaks === true) return;
  write({}, calls.length > 0 ? "tool_calls" : "stop");
  response.end("data: [DONE]\n\n");
}
