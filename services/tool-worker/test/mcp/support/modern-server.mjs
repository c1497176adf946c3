// A server that speaks the protocol of 2026-07-28 as well, made with the public library: over its streams, or (with PORT) over HTTP.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const { PORT, NOTES } = process.env;
const note = (text) => NOTES && appendFileSync(NOTES, `${text}\n`);
const text = (said) => ({ content: [{ type: "text", text: said }] });
const Colour = z.object({ colour: z.enum(["red", "blue"]).describe("Of the door."), count: z.int().optional() });

function factory() {
  const server = new McpServer({ name: "modern", version: "1" }, { capabilities: { tools: { listChanged: true } } });
  server.registerTool("add", { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) =>
    text(String(a + b)),
  );
  server.registerTool("paint", { inputSchema: z.object({ door: z.string() }) }, ({ door }, { mcpReq }) => {
    note(`paint ${JSON.stringify(mcpReq.inputResponses ?? null)}`);
    const answer = acceptedContent(mcpReq.inputResponses, "colour", Colour);
    if (answer === undefined)
      return inputRequired({
        inputRequests: {
          colour: inputRequired.elicit({ message: `Which colour for ${door}?`, requestedSchema: Colour }),
        },
        requestState: `state of ${door}`,
      });
    return text(`${door} is ${answer.colour}, ${String(mcpReq.requestState())}`);
  });
  server.registerTool("wait", { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    note("wait begun");
    mcpReq.signal.addEventListener("abort", () => note("wait aborted"));
    const { progressToken } = mcpReq._meta ?? {};
    await mcpReq.notify({
      method: "notifications/progress",
      params: { progressToken, progress: 1, total: 3, message: "one" },
    });
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    return text("done");
  });
  return server;
}

function overHttp() {
  const handler = createMcpHandler(factory);
  const serve = async (request, response) => {
    const stop = new AbortController();
    response.on("close", () => stop.abort());
    const body = request.method === "POST" ? Buffer.concat(await request.toArray()) : undefined;
    const url = `http://127.0.0.1:${PORT}${request.url}`;
    const answer = await handler.fetch(
      new Request(url, { method: request.method, headers: request.headers, body, signal: stop.signal }),
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body === null) return response.end();
    Readable.fromWeb(answer.body)
      .on("error", () => response.destroy())
      .pipe(response);
  };
  createServer((request, response) => void serve(request, response).catch(() => response.destroy())).listen(
    Number(PORT),
    "127.0.0.1",
  );
}

if (PORT === undefined) serveStdio(factory);
else overHttp();
