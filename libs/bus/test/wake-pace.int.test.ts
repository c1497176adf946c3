import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus } from "../src/index.ts";

const few = 8;
const many = 20;

it("a few wakes one after the other leave at once, a steady stream of them ten times a second", async () => {
  await using nats = await startNats();
  const log = createLogger({ service: "test", level: "error", format: "pretty" });
  const bus = await openBus({ servers: nats.url, name: "test", log });
  const timeOf = async (wakes: number): Promise<number> => {
    const startedAt = performance.now();
    for (let i = 0; i < wakes; i++) await bus.turns.wake("$JS.ACK.TURNS.agents.1.1.1.0.0");
    return performance.now() - startedAt;
  };
  try {
    expect(await timeOf(few)).toBeLessThan(500);
    expect(await timeOf(many)).toBeGreaterThan(1_000);
  } finally {
    await bus.close();
  }
});
