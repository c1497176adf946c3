import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { turnRecord } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

let bench: Awaited<ReturnType<typeof openTestBus>>;
beforeAll(async () => {
  bench = await openTestBus();
});
afterAll(() => bench[Symbol.asyncDispose]());

it("whoever is named is found also where the newest message of the stream was deleted", async () => {
  const { owners, transcripts, erasing, nc } = bench.bus;
  await owners.claim("c_kept", "zoe");
  await transcripts.append({ ...turnRecord("t1"), conversation_id: "c_kept" });
  await owners.claim("c_gone", "bob");
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  await jsm.streams.purge(streams.log(0), { filter: subjects.owner(0, "c_gone") });
  const mentions = await erasing.inConversations("zoe", AbortSignal.timeout(10_000));
  expect(mentions.map(({ subject }) => subject)).toContain(subjects.owner(0, "c_kept"));
});

it("who begins to follow revocations knows those that are left, also where the newest was removed", async () => {
  const { gate, nc } = bench.bus;
  await gate.setUp();
  for (const id of ["stays", "goes"]) {
    const value = { v: 1, what: "user", id, until_ms: Date.now() + 3_600_000, by: "a test", ts: Date.now() } as const;
    await gate.put(
      { what: "user", id },
      () => value,
      () => false,
    );
  }
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const { state } = await jsm.streams.info(streams.gate);
  await jsm.streams.deleteMessage(streams.gate, state.last_seq, false);
  expect((await gate.follow().next()).map(({ id }) => id)).toEqual(["stays"]);
});
