import { expect, test } from "vitest";
import { startSystem } from "@parley/testkit";

test("starts all of Parley, takes one more worker, and ends all of it", async () => {
  const processes = await (async () => {
    await using system = await startSystem({ edges: 2 });
    expect(system.edges.map((edge) => edge.port)).not.toContain(system.modelSimulator.port);
    for (const edge of system.edges) {
      const response = await fetch(`http://127.0.0.1:${edge.port}/health`);
      expect(await response.json()).toMatchObject({ status: "ok" });
    }
    const another = await system.add("agent-worker");
    return [system.nats, system.redis, system.modelSimulator, another, ...system.edges];
  })();
  expect(processes.filter((each) => each.isRunning())).toEqual([]);
});

test("leaves nothing running when one part does not start", async () => {
  const failing = startSystem({ env: { edge: { SHARDS: "soon" } } });
  await expect(failing).rejects.toThrow(/edge ended \(exit code 1\) before it was ready:\n[^]*SHARDS/);
});
