import { startSystem, type System } from "@parley/testkit";
import { expect, it } from "vitest";
import { createChatWebSocket } from "../clients/chat-web-socket.ts";
import { openKubernetesChat } from "../clients/kubernetes-chat.ts";
import { devToken } from "./person.ts";

const answer = "hello\n/sim tokens=60 rate=20";

/** Whoever has the turn: each worker is killed, and has a successor. */
async function killAllWorkers(system: System): Promise<void> {
  for (const worker of system.agentWorkers) {
    await system.add("agent-worker");
    await worker.kill("SIGKILL");
  }
}

it("a client that can only add text, and one that gets the text so far, both have the whole answer of a killed worker", async () => {
  await using system = await startSystem({ env: { "agent-worker": { ACK_WAIT_MS: "2000" } } });
  const [edge] = system.edges;
  const url = `ws://127.0.0.1:${edge!.port}/ws/chat`;
  const adding = await openKubernetesChat(url);
  const replacing = createChatWebSocket(url, await devToken(edge!, "carla"));
  const ends: string[] = [];
  let partial = "";
  replacing.onMessage = (_token, soFar) => (partial = soFar);
  replacing.onComplete = (response) => ends.push(response);
  replacing.onError = (error) => ends.push(`error: ${error}`);
  replacing.connect();
  await replacing.authenticated;
  adding.send({ message: answer });
  replacing.sendMessage(answer);
  await expect.poll(() => Math.min(adding.text.length, partial.length), { timeout: 20_000 }).toBeGreaterThan(20);

  await killAllWorkers(system);
  const isOver = (): boolean => /^(complete|error)$/.test(adding.frames.at(-1)?.type ?? "") && ends.length > 0;
  await expect.poll(isOver, { timeout: 40_000 }).toBe(true);
  expect(adding.problems).toEqual([]);
  expect(adding.frames.at(-1)).toMatchObject({ type: "complete", data: { message: adding.text } });
  expect(adding.frames.filter(({ type }) => type === "complete" || type === "error")).toHaveLength(1);
  expect(ends).toEqual([partial]);
  expect(partial.split(" ")).toHaveLength(60);
  expect(adding.text).toBe(partial);
  adding.disconnect();
  replacing.disconnect();
});
