import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { startNats, type NatsServer } from "@parley/testkit";

/** A bus on a broker of its own. */
export async function openTestBus(): Promise<{ bus: Bus; nats: NatsServer; [Symbol.asyncDispose](): Promise<void> }> {
  const nats = await startNats();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000 });
  return {
    bus,
    nats,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}
