import { once } from "node:events";
import { createServer, request as requestHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** With images it is a list, of which the texts count here. */
const Content = z.union([
  z.string(),
  z
    .array(z.looseObject({ text: z.string().optional() }))
    .transform((parts) => parts.map(({ text = "" }) => text).join("")),
]);

const Body = z.object({
  messages: z.array(
    z.object({ role: z.string(), content: Content.nullish(), tool_calls: z.array(z.unknown()).optional() }).loose(),
  ),
});

/** What the model says when it is asked: pieces of text in this order, a pause or somebody's word between them, then calls of tools. */
export interface Said {
  readonly text?: string | readonly (string | Promise<unknown>)[];
  /** What it thinks before that. */
  readonly thoughts?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: object }[];
  readonly pauseMs?: number;
}

/** A model that says what a test has written down, and for everything else asks the simulator behind it. */
export interface ScriptedModel {
  readonly url: string;
  /** One entry for each time that the turn asks it: before the tools, after them, … The last one holds for all later ones. */
  script(question: string, ...rounds: readonly [Said, ...Said[]]): void;
  leadTo(port: number): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const TITLE = /^Name this conversation\b/;

interface Asked {
  readonly question: string;
  readonly round: number;
  readonly isTitle: boolean;
}

function readAsked(body: string): Asked {
  const { messages } = Body.parse(JSON.parse(body));
  const from = messages.findLastIndex(({ role }) => role === "user");
  return {
    question: messages[from]?.content ?? "",
    round: messages.slice(from).filter(({ role, tool_calls: calls }) => role === "assistant" && calls !== undefined)
      .length,
    isTitle: messages.some(({ role, content }) => role === "system" && TITLE.test(content ?? "")),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Hands the request on as it came. */
function forward(port: number, request: IncomingMessage, response: ServerResponse, body: string): void {
  const { method = "GET", url = "/", headers } = request;
  const onward = requestHttp({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  onward.end(body);
}

async function say(response: ServerResponse, { text = [], thoughts, calls = [], pauseMs = 0 }: Said): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const write = (delta: object, finish: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "script", choices })}\n\n`,
    );
  };
  if (thoughts !== undefined) write({ reasoning_content: thoughts });
  for (const piece of typeof text === "string" ? [text] : text) {
    if (response.destroyed) return;
    if (typeof piece === "string") write({ content: piece });
    else await piece;
    if (pauseMs > 0) await sleep(pauseMs);
  }
  for (const [index, call] of calls.entries()) {
    const called = { name: call.name, arguments: JSON.stringify(call.arguments) };
    write({ tool_calls: [{ index, id: `call-${index}`, type: "function", function: called }] });
  }
  write({}, calls.length > 0 ? "tool_calls" : "stop");
  response.end("data: [DONE]\n\n");
}

export async function startScriptedModel(): Promise<ScriptedModel> {
  const scripts = new Map<string, readonly Said[]>();
  let simulator: number | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    const asked = request.url?.endsWith("/chat/completions") === true ? readAsked(body) : undefined;
    const rounds = asked === undefined || asked.isTitle ? undefined : scripts.get(asked.question);
    const said = rounds?.[Math.min(asked?.round ?? 0, rounds.length - 1)];
    if (said !== undefined) return say(response, said);
    if (simulator === undefined) return void response.writeHead(503).end("{}");
    forward(simulator, request, response, body);
  };
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the scripted model has no port");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    script: (question, ...rounds) => void scripts.set(question, rounds),
    leadTo: (port) => {
      simulator = port;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
