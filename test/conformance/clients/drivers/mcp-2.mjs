import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** The client of the SDK's second major. Calls one tool, or several at once, and says all that it gets. */
const {
  url,
  token,
  mode = "auto",
  elicit,
  calls = [],
  traffic = false,
  resources = false,
} = JSON.parse(process.argv[2]);
const say = (type, fields = {}) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);

const aborting = new AbortController();
createInterface({ input: process.stdin }).on("line", (line) => {
  if (JSON.parse(line).abort) aborting.abort(new Error("stopped by its user"));
});

const client = new Client(
  { name: "conformance", version: "1.0.0" },
  {
    capabilities: elicit === undefined ? {} : { elicitation: {} },
    versionNegotiation: { mode },
  },
);
let asked = 0;
if (elicit !== undefined)
  client.setRequestHandler("elicitation/create", ({ params }) => {
    say("elicitation", { params });
    return Array.isArray(elicit) ? elicit[asked++] : elicit;
  });
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
const tracing = async (input, init) => {
  const response = await fetch(input, init);
  if (traffic) say("http", { method: init?.method, status: response.status, body: init?.body });
  return response;
};
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: tracing });
try {
  await client.connect(transport);
  say("connected", { era: client.getProtocolEra(), server: client.getServerVersion() });
  const { tools } = await client.listTools();
  say("tools", { tools });
  if (resources) {
    const listed = await client.listResources();
    say("resources", { resources: listed.resources });
    say("read", { read: await client.readResource({ uri: listed.resources[0].uri }) });
  }
  await Promise.all(
    calls.map(async ({ name, arguments: args, progress = false, meta }, index) => {
      const told = progress ? { onprogress: (step) => say("progress", { index, ...step }) } : {};
      try {
        const result = await client.callTool(
          { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) },
          { signal: aborting.signal, timeout: 60_000, resetTimeoutOnProgress: true, ...told },
        );
        say("result", { index, result });
      } catch (error) {
        say("failed", { index, message: error.message, code: error.code });
      }
    }),
  );
  // What an abort has begun to send is sent.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.close();
} catch (error) {
  say("refused", { message: error.message, code: error.code });
}
say("over");
process.exit(0);
