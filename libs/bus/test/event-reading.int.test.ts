import { openBus } from "@parley/bus";
import { encodeEvent, subjects, type StoredEvent } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNatsProxy } from "@parley/testkit";
import { expect, it } from "vitest";
import { readAll } from "../src/stream-reading.ts";
import { openTestBus } from "./workbench.ts";

const conversations = 40;
const turns = 3;

/** Many conversations with several turns each, mixed as they are under load. */
function mixedSubjects(): { subject: string; event: StoredEvent }[] {
  let random = 7;
  return Array.from({ length: 4_000 }, (_, n) => {
    random = (random * 48_271) % 2_147_483_647;
    const conversation = `c${random % conversations}`;
    const turn = `${conversation}-t${Math.floor((n / 4_000) * turns)}`;
    const event = {
      type: "token",
      conversation_id: conversation,
      turn_id: turn,
      ts: 1,
      attempt: 1,
      n,
      token: "w",
    } as const;
    return { subject: subjects.agent(0, conversation, turn), event };
  });
}

it("reads every conversation whole, from any place in a mixed stream", { timeout: 60_000 }, async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const mixed = mixedSubjects();
  for (let i = 0; i < mixed.length; i += 200) {
    const batch = mixed.slice(i, i + 200);
    await Promise.all(batch.map(({ subject, event }) => events.append({ subject, data: encodeEvent(event) })));
  }
  const all = await events.read("c7", { fromSeq: 1 });
  const expected = mixed.filter(({ event }) => event.conversation_id === "c7");
  expect(all).toHaveLength(expected.length);
  for (let from = 1; from < mixed.length; from += 97) {
    const conversation = `c${from % conversations}`;
    const whole = await events.read(conversation, { fromSeq: 1 });
    const part = await events.read(conversation, { fromSeq: from });
    expect(part.map(({ seq }) => seq)).toEqual(whole.map(({ seq }) => seq).filter((seq) => seq >= from));
  }
});

it("gives a reading up at once whose consumer is gone, and does not ask for it again and again", async () => {
  await using bench = await openTestBus();
  const { nc } = bench.bus;
  const before = nc.stats().outMsgs;
  const startedMs = performance.now();
  // As when the server of a consumer has died: nobody answers to its subject.
  await expect(readAll(bench.bus, "chat.nobody", () => true)).rejects.toThrow("503");
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(nc.stats().outMsgs - before).toBe(1);
});

it("reads every event in its order although some come after later ones", async () => {
  await using bench = await openTestBus();
  const mixed = mixedSubjects().slice(0, 600);
  for (const { subject, event } of mixed) await bench.bus.events.append({ subject, data: encodeEvent(event) });
  await using proxy = await startNatsProxy({
    targets: [bench.nats.port],
    treat: ({ subject }) => (subject.endsWith(".a") ? { hold: Math.random() * 20 } : undefined),
  });
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const reader = await openBus({ servers: `nats://127.0.0.1:${proxy.port}`, name: "test", log });
  const read = await Promise.all(["c1", "c2", "c3"].map((one) => reader.events.read(one, { fromSeq: 1 })));
  await reader.close();
  expect(proxy.figures.overtaken).toBeGreaterThan(10);
  const seqs = (conversation: string) =>
    mixed.flatMap(({ event }, i) => (event.conversation_id === conversation ? i + 1 : []));
  expect(read.map((messages) => messages.map(({ seq }) => seq))).toEqual(["c1", "c2", "c3"].map(seqs));
});
