import { openBus } from "@parley/bus";
import { subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNatsCluster } from "@parley/testkit";
import { expect, it } from "vitest";

const append = { subject: subjects.agent(0, "c1", "t1"), data: new TextEncoder().encode("{}") };

it("on a cluster an append that finds nobody is answered before the stream is made again, and so is tried again soon", async () => {
  await using cluster = await startNatsCluster(3);
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const bus = await openBus({ servers: cluster.url, name: "test", log, replicas: 3, ackWaitMs: 20_000 });
  try {
    await bus.nc.request("$JS.API.STREAM.DELETE.EV_0");
    await expect.poll(async () => (await bus.events.append(append)).kind).toBe("absent");
    // It is not there yet.
    expect(await bus.events.append(append)).toEqual({ kind: "absent" });
    await expect.poll(async () => (await bus.events.append(append)).kind, { timeout: 20_000 }).toBe("stored");
  } finally {
    await bus.close();
  }
}, 60_000);
