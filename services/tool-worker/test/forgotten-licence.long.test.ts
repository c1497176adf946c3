import path from "node:path";
import { pathToFileURL } from "node:url";
import { streams, subjects } from "@parley/protocol";
import { eventually, startNats, startRedis, startService, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { countIn, startAgent } from "./support/agent.ts";

const plant = pathToFileURL(path.resolve(import.meta.dirname, "../../../test/chaos/planted/plant.mjs")).href;
const decidesByEvents = { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: "tool worker decides by events" };

/** How often a call is carried out whose worker is killed after all its events were forgotten. */
async function executionsOf(
  env: Record<string, string>,
  forgotten?: "licence",
): Promise<{ status: string; executions: number }> {
  await using nats = await startNats();
  await using redis = await startRedis({ persist: false });
  await using folder = await tempDir();
  const counterFile = path.join(folder.path, "counter");
  const agent = await startAgent(nats, redis);
  const start = () =>
    startService("tool-worker", {
      ...{ NATS_URL: nats.url, REDIS_URL: redis.url, DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile },
      ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300", CONCURRENCY: "1", ...env },
    });
  try {
    const first = await start();
    const job = agent.job("t1-0-0", "demo_counter", { ms: 10_000 });
    await agent.add(job);
    await eventually(async () => (await countIn(counterFile))[job.call_id] === 1, { what: "the change" });
    await using _second = await start();
    const { conversation_id, turn_id, call_id } = job;
    const all = subjects.eventsOf(0, conversation_id);
    const of = forgotten === undefined ? all : subjects.toolBegun(0, conversation_id, turn_id, call_id);
    const filter = JSON.stringify({ filter: of });
    await agent.bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, filter);
    await first.kill();
    const { status } = await agent.call(job, 30_000);
    return { status, executions: (await countIn(counterFile))[job.call_id] ?? 0 };
  } finally {
    await agent[Symbol.asyncDispose]();
  }
}

it(
  "P5: a write whose worker is killed is not run again though its events are forgotten",
  { timeout: 90_000 },
  async () => {
    expect(await executionsOf({})).toEqual({ status: "unknown", executions: 1 });
  },
);

it("P5: a licence that is an event alone would be forgotten", { timeout: 90_000 }, async () => {
  expect(await executionsOf(decidesByEvents, "licence")).toMatchObject({ executions: 2 });
});
