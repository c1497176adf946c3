import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { z } from "zod";

/**
 * Somebody who does nothing wrong, as a process of its own: who attacks keeps the loop of his own busy, and would measure himself. Writes one
 * line of JSON for each answer: what it was and how many milliseconds it took. Arguments: the address with its token.
 */

const Frame = z.looseObject({ type: z.string() });
const pingEveryMs = 20;
const restMs = 60;
const conversation_id = `c_${randomUUID()}`;
const [url = ""] = process.argv.slice(2);

const socket = new WebSocket(url, "parley.v1");
const waiting = new Map<string, (frame: z.infer<typeof Frame>) => void>();
socket.on("message", (data: Buffer) => {
  const frame = Frame.parse(JSON.parse(data.toString("utf8")));
  waiting.get(frame.type)?.(frame);
  if (frame.type === "error") waiting.get("complete")?.(frame);
});
socket.on("close", (code) => {
  process.stdout.write(`${JSON.stringify({ what: "closed", ms: code })}\n`);
  process.exit(1);
});
socket.on("error", () => undefined);

const next = (type: string): Promise<z.infer<typeof Frame>> =>
  new Promise((resolve) => {
    waiting.set(type, resolve);
  });

function say(what: string, since: number): void {
  process.stdout.write(`${JSON.stringify({ what, ms: performance.now() - since })}\n`);
}

async function ping(): Promise<void> {
  for (;;) {
    const since = performance.now();
    const answer = next("pong");
    socket.send('{"type":"ping"}');
    await answer;
    say("pong", since);
    await pause(pingEveryMs);
  }
}

async function chat(): Promise<void> {
  for (let count = 0; ; count++) {
    const since = performance.now();
    const [first, end] = [next("token"), next("complete")];
    const message = {
      type: "message",
      id: `n${count}`,
      conversation_id,
      message: "hello\n/sim tokens=3 rate=200",
    };
    socket.send(JSON.stringify(message));
    await Promise.race([first, end]);
    const { type } = await Promise.race([first, end]);
    say(type === "error" ? "refused" : "token", since);
    await end;
    await pause(restMs);
  }
}

await next("auth_success");
await Promise.all([ping(), chat()]);
