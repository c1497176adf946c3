import { connectRedis, plainTexts } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { signedIn, startRedis } from "@parley/testkit";
import { expect, it } from "vitest";
import { createConversationIndex } from "../src/commands/conversations/conversation-index.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

async function openIndex() {
  const server = await startRedis();
  const own = connectRedis({ url: signedIn(server.url, "edge"), role: "cache", log });
  const redis = connectRedis({ url: server.url, role: "cache", log });
  await expect.poll(() => [own.status, redis.status]).toEqual(["ready", "ready"]);
  const index = createConversationIndex(own, plainTexts);
  let at = 0;
  return {
    redis,
    note: (conversation_id: string, title: string): Promise<void> =>
      index.note("anna", { conversation_id, title, updated_at: ++at }),
    titles: async (): Promise<string[]> => (await index.page("anna", 10, undefined)).entries.map(({ title }) => title),
    /** Of the server's, since it was started. */
    async calls(command: string): Promise<number> {
      const stats = await redis.info("commandstats");
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    },
    async [Symbol.asyncDispose]() {
      own.disconnect();
      redis.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

it("a message of a conversation that goes on is noted in one command", async () => {
  await using index = await openIndex();
  for (const title of ["first", "second", "third"]) await index.note("c1", title);
  expect([await index.calls("zadd"), await index.calls("hsetnx")]).toEqual([3, 1]);
  expect(await index.titles()).toEqual(["first"]);
});

it("what Redis has lost, or another edge has removed, gets a title again with its next message", async () => {
  await using index = await openIndex();
  await index.note("c1", "first");
  await index.redis.flushall();
  await index.note("c1", "second");
  expect(await index.titles()).toEqual(["second"]);
  await index.note("c1", "third");
  expect(await index.titles()).toEqual(["second"]);
});

it("a title that could not be written is written with the next try, also where the rest was", async () => {
  await using index = await openIndex();
  await index.note("c1", "first");
  await index.redis.flushall();
  const titles = `parley:{${Buffer.from("anna").toString("base64url")}}:conversations:titles`;
  await index.redis.set(titles, "in the way");
  await expect(index.note("c1", "second")).rejects.toThrow(/WRONGTYPE/);
  await index.redis.del(titles);
  await index.note("c1", "second");
  expect(await index.titles()).toEqual(["second"]);
});
