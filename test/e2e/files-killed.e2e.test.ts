import { openBus } from "@parley/bus";
import { filesOf, messages } from "@parley/protocol/fold";
import { messageIdOf } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { createLogger } from "@parley/runtime";
import { startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { person } from "./person.ts";
import { storeFile, wavOf } from "./stored-file.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

it("a recording is written down once, although the worker that did it is killed before the answer", async () => {
  await using system = await startSystem({ env: { "agent-worker": { ACK_WAIT_MS: "2000" } }, toolWorkers: 0 });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const told: string[] = [];
  chat.on("frame", (frame) => frame.type === "progress" && told.push(frame.step));
  const note = await storeFile(system.nats, { user: "anna", name: "note.wav", bytes: wavOf() });
  const said = await chat.send("/sim first_ms=8000", { parts: [{ type: "file", file_id: note }] });
  // The model is asked: what was heard is kept by then.
  await expect.poll(() => told, { timeout: 20_000 }).toContain("generating");
  await system.add("agent-worker");
  await system.agentWorkers[0]!.kill("SIGKILL");
  const end = await chat.untilEnd(said.turn_id);
  expect(end).toMatchObject({ type: "complete" });
  expect(end.response).toContain("simulated transcript");
  const answer = await fetch(`http://127.0.0.1:${system.modelSimulator.port}/sim/requests`);
  const asked = z.array(z.object({ model: z.string() })).parse(await answer.json());
  expect(asked.filter(({ model }) => model === "transcription")).toHaveLength(1);
  expect(asked.length).toBeGreaterThan(2);
});

it("a message whose edge died between noting it, giving it its file and queueing it is one turn when it comes again", async () => {
  await using system = await startSystem({ toolWorkers: 0 });
  const bytes = Buffer.from("a,b\n1,2\n");
  const bus = await openBus({ servers: system.nats.url, name: "test", log });
  for (const isAttached of [false, true]) {
    const conversation = `c_died_${isAttached}`;
    const file_id = await storeFile(system.nats, { user: "anna", name: "a.csv", bytes });
    const turn = turnIdOf("anna", conversation, "m1");
    const file = { type: "file", file_id, name: "a.csv", media_type: "text/csv", bytes: bytes.length } as const;
    const place = { conversation_id: conversation, turn_id: turn, ts: Date.now() };
    const message = { id: "m1", message_id: messageIdOf(turn, "user"), message: "Look", files: [file] };
    // What an edge has done by then: each time one line more.
    await bus.owners.claim(conversation, "anna");
    await bus.facts.write({ kind: "said", v: 1, ...place, ...message, author: { role: "user", id: "anna" } });
    if (isAttached) await bus.files.attach(file_id, conversation);
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation(conversation);
    const sent = await chat.send("Look", { id: "m1", parts: [{ type: "file", file_id }] });
    expect(sent.turn_id).toBe(turn);
    expect((await chat.untilEnd(turn)).response).toContain("a.csv");
    expect(filesOf(messages(chat.view)[0]?.parts ?? [])).toEqual([file]);
    expect((await bus.files.read(file_id))?.conversation_id).toBe(conversation);
  }
  await bus.close();
});
