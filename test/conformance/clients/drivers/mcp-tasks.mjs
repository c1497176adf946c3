import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";

/** The client of the extension for tasks. Its host sends the requests itself, as it asks for: `urls` are servers that it goes to in turn. */
const { urls, token, elicit, call } = JSON.parse(process.argv[2]);
const say = (type, fields = {}) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
const protocolVersion = "2026-07-28";
const clientInfo = { name: "conformance", version: "1.0.0" };
const clientCapabilities = elicit === undefined ? {} : { elicitation: {} };
const authorization = `Bearer ${token}`;
let requests = 0;

/** A server that is away is no reason to give up while there is another one. */
async function fetchAny(init) {
  try {
    return await fetch(urls[requests++ % urls.length], init);
  } catch {
    return fetch(urls[requests++ % urls.length], init);
  }
}

async function rawDispatch(request, { signal } = {}) {
  const { method, params } = request;
  const name = params?.taskId ?? params?.name;
  const response = await fetchAny({
    method: "POST",
    signal,
    headers: {
      authorization,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": protocolVersion,
      "mcp-method": method,
      ...(name === undefined ? {} : { "mcp-name": name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: requests, ...request }),
  });
  const text = await response.text();
  const last = text.startsWith("{")
    ? text
    : text
        .split("\n")
        .findLast((line) => line.startsWith("data: "))
        ?.slice(6);
  const { result, error } = JSON.parse(last ?? "{}");
  say("answer", { method, status: response.status, result, error });
  return error === undefined ? { kind: "result", result } : { kind: "error", error };
}

const client = new Client(clientInfo, {
  capabilities: clientCapabilities,
  versionNegotiation: { mode: { pin: protocolVersion } },
});
try {
  await client.connect(
    new StreamableHTTPClientTransport(new URL(urls[0]), { requestInit: { headers: { authorization } } }),
  );
  const session = createTaskSessionFromClient(client, {
    endpointId: "parley",
    rawDispatch,
    v2RequestFraming: { protocolVersion, clientInfo, clientCapabilities },
    ...(elicit === undefined
      ? {}
      : {
          onInputRequest: async (request) => {
            say("elicitation", { params: request.params });
            return elicit;
          },
        }),
  });
  const execution = await session.callTool(call.name, call.arguments);
  say("called", { kind: execution.kind, task: execution.task });
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (JSON.parse(line).abort) void execution.cancel();
  });
  const { outcome } = await execution.settle();
  say("outcome", { status: outcome.status ?? outcome.kind });
  say("result", { result: resultFromTaskOutcome(outcome) });
} catch (error) {
  say("failed", { message: error.message, name: error.name, code: error.code });
}
say("over");
process.exit(0);
