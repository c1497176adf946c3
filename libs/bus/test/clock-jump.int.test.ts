import { createLogger } from "@parley/runtime";
import { eventually, startNats } from "@parley/testkit";
import { afterEach, expect, it, vi } from "vitest";
import { connectNats } from "../src/nats-connection.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const hourMs = 3_600_000;

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ["back", -hourMs],
  ["forward", hourMs],
])("finds a broker again that restarts after the clock has jumped an hour %s", async (_direction, jumpMs) => {
  await using nats = await startNats();
  const link = await connectNats({ servers: nats.url, name: "test", log });
  let tries = 0;
  void (async () => {
    for await (const status of link.nc.status()) if (status.type === "reconnecting") tries++;
  })();
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + jumpMs);
  try {
    await nats.kill();
    await eventually(() => !link.connected(), { what: "the loss of the broker" });
    await nats.restart();
    await eventually(() => link.connected(), { what: "the connection after the jump", timeoutMs: 5_000 });
    // It does not try without a pause either.
    expect(tries).toBeLessThan(30);
  } finally {
    await link.nc.close();
  }
});
