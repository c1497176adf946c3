import { createInterface } from "node:readline";

// The socket of OpenAI's client to its Responses. Each line of standard input is an event to send, or `{"type":"close"}`; what comes is a line of JSON.
const { client: name, baseURL, apiKey } = JSON.parse(process.argv[2]);
const { default: OpenAI } = await import(name);
const { ResponsesWS } = await import(`${name}/resources/responses/ws`);

const say = (type, more = {}) => process.stdout.write(`${JSON.stringify({ type, ...more })}\n`);
const socket = new ResponsesWS(new OpenAI({ baseURL, apiKey, maxRetries: 0 }));
socket.on("event", (event) => say("event", { event }));
socket.on("error", ({ message, error }) => say("error", { message, error }));
socket.on("close", (code, reason) => {
  say("end", { code, reason });
  process.exit(0);
});
createInterface({ input: process.stdin }).on("line", (line) => {
  const event = JSON.parse(line);
  if (event.type === "close") socket.close();
  else socket.send(event);
});
