import { writeFile } from "node:fs/promises";
import path from "node:path";
import { TurnRequest, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus } from "../src/bus.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const mebibyte = 2 ** 20;

function turnOf(conversation: string): TurnRequest {
  return TurnRequest.parse({
    ...{ v: 1, turn_id: `t-${conversation}`, conversation_id: conversation, user: { id: "ann" }, id: "m1" },
    ...{ message_id: "m1", message: "hello", accepted_at: Date.now() },
  });
}

it("P1, P7: a broker without room refuses new messages with a sentence, is not ready, and stores again when there is room", async () => {
  await using folder = await tempDir();
  const config = path.join(folder.path, "small.conf");
  const configure = (maxBytes: number): Promise<void> =>
    writeFile(config, `jetstream { max_file_store: ${maxBytes} }\n`);
  await configure(4 * mebibyte);
  await using nats = await startNats({ dir: folder.path, args: ["-c", config] });
  const bus = await openBus({
    servers: nats.url,
    name: "test",
    log,
    eventsMaxBytes: mebibyte,
    factsMaxBytes: mebibyte,
    ackWaitMs: 2_000,
  });
  try {
    const data = new Uint8Array(100_000).fill(97);
    const subject = subjects.log(0, "filler");
    let filled = await bus.events.append({ subject, data });
    for (let tries = 0; filled.kind === "stored" && tries < 60; tries++)
      filled = await bus.events.append({ subject, data });
    expect(filled).toMatchObject({ kind: "no room" });
    expect(bus.problems()).toEqual([expect.stringContaining("The broker has no room to store")]);
    expect(bus.appendsWithoutRoom()).toBe(1);

    await expect(bus.turns.submit(turnOf("c1"))).rejects.toMatchObject({
      code: "OVERLOADED",
      message: "The service has no room to store messages at the moment. Try again shortly.",
    });
    // A turn that writes waits for room, and goes on.
    const written = bus.transcripts.append({
      ...{ v: 1, conversation_id: "c2", turn_id: "t2", ts: 1, message_id: "m2", author: { role: "assistant" } },
      ...{ message: "kept", status: "complete" },
    });
    await configure(64 * mebibyte);
    await nats.restart();
    await written;
    const { turns } = await bus.transcripts.tail("c2", { limit: 1 });
    expect(turns).toMatchObject([{ answer: { message: "kept" } }]);
    expect(await bus.turns.submit(turnOf("c1"))).toMatchObject({ duplicate: false });
    expect(bus.problems()).toEqual([]);
  } finally {
    await bus.close();
  }
});
