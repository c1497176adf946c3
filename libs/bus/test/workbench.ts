import { openBus, openEncryption, type Bus } from "@parley/bus";
import { createLogger, encryptionFields, readConfig } from "@parley/runtime";
import { encryptionSettings, startNats, type NatsServer } from "@parley/testkit";
import { z } from "zod";

const Config = z.object(encryptionFields());

/** A bus on a broker of its own. */
export async function openTestBus(): Promise<{ bus: Bus; nats: NatsServer; [Symbol.asyncDispose](): Promise<void> }> {
  const nats = await startNats();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const encryption = await openEncryption(readConfig(Config, encryptionSettings()), { mayMakeKeys: "all", log });
  const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000, ...encryption });
  return {
    bus,
    nats,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}
