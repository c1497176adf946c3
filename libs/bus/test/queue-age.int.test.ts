import { jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { openBus } from "@parley/bus";
import { limits, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });

it("keeps what is accepted for days: an hour's wait is ended by workers, never by the stream", async () => {
  await using bench = await openTestBus();
  const { config } = await (await jetstreamManager(bench.bus.nc)).streams.info(streams.turns);
  expect(config.max_age).toBe(nanos(limits.turnQueueKeepMs));
  expect(limits.turnQueueKeepMs).toBeGreaterThanOrEqual(24 * limits.turnQueueAgeMs);
});

it("raises the age of a queue that an older version made, with its turns in it", async () => {
  await using bench = await openTestBus();
  const { streams: all } = await jetstreamManager(bench.bus.nc);
  const { config } = await all.info(streams.turns);
  await all.update(streams.turns, { ...config, max_age: nanos(60 * 60_000) });
  await bench.bus.nc.request(subjects.turns("c1"), "{}");
  const worker = await openBus({ servers: bench.nats.url, name: "worker", log, ackWaitMs: 20_000 });
  const { config: raised, state } = await all.info(streams.turns);
  expect([raised.max_age, state.messages]).toEqual([nanos(limits.turnQueueKeepMs), 1]);
  await worker.close();
});
