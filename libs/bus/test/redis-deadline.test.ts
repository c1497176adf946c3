import { createServer } from "node:net";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { answeredWithin } from "../src/redis-deadline.ts";

function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

it("lets an answer count that came in time while this process was busy", async () => {
  const server = createServer((socket) => socket.write("answer")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const socket = connect({ host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 });
  await once(socket, "connect");
  const answer = once(socket, "data").then(([data]) => String(data));
  const waiting = answeredWithin(answer, 20);
  block(100);
  expect(await waiting).toBe("answer");
  socket.destroy();
  server.close();
});

it("gives up when nothing comes", async () => {
  const begunMs = performance.now();
  await expect(answeredWithin(new Promise(() => {}), 30)).rejects.toThrow("30 ms");
  expect(performance.now() - begunMs).toBeLessThan(1_000);
});
