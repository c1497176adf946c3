import { startSystem, shownTurn } from "@parley/testkit";
import { expect, it } from "vitest";
import { person } from "./person.ts";

const quickTakeover = { ACK_WAIT_MS: "2000" };

it("viewers of a worker that is killed in mid-answer get the whole answer, and one end", async () => {
  await using system = await startSystem({ agentWorkers: 2, env: { "agent-worker": quickTakeover } });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const ends: string[] = [];
  const violations: unknown[] = [];
  chat.on("violation", (violation) => violations.push(violation));
  chat.on("frame", ({ type }) => {
    if (type === "complete" || type === "turn_restarted") ends.push(type);
  });
  const { turn_id } = await chat.send("hello\n/sim tokens=60 rate=20");
  await expect.poll(() => shownTurn(chat.view, turn_id)?.text.length ?? 0).toBeGreaterThan(10);
  // Whoever has the turn: one of them is killed, and its successor too.
  for (const worker of system.agentWorkers) {
    await system.add("agent-worker");
    await worker.kill("SIGKILL");
  }
  const end = await chat.untilEnd(turn_id);
  expect(end.type).toBe("complete");
  expect(shownTurn(chat.view, turn_id)?.text).toBe(end.response);
  expect(ends.filter((type) => type === "complete")).toHaveLength(1);
  expect(violations).toEqual([]);
});

it("a message whose edge is killed before it answers is one turn when it is sent again elsewhere", async () => {
  await using system = await startSystem({ edges: 2 });
  const [dying, other] = system.edges;
  using anna = await person(dying!);
  const chat = anna.conversation("c_resent");
  const sent = chat.send("hello", { id: "the-same" }).catch(() => undefined);
  await dying!.kill("SIGKILL");
  anna.close();
  await sent;
  using again = await person(other!);
  const resent = again.conversation("c_resent");
  const first = await resent.send("hello", { id: "the-same" });
  const second = await resent.send("hello", { id: "the-same" });
  expect(second.turn_id).toBe(first.turn_id);
  expect((await resent.untilEnd(first.turn_id)).type).toBe("complete");
  expect(resent.view.turns).toHaveLength(1);
});
