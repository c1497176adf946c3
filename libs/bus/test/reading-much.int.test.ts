import { openBus } from "@parley/bus";
import { encodeJson, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNats, startTcpProxy } from "@parley/testkit";
import { expect, it } from "vitest";

const messageBytes = 128 * 1024;

async function openThroughProxy() {
  const nats = await startNats();
  const proxy = await startTcpProxy({ targets: [nats.port] });
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const open = (servers: string) => openBus({ servers, name: "test", log, ackWaitMs: 20_000 });
  const [writer, reader] = await Promise.all([open(nats.url), open(`nats://127.0.0.1:${proxy.port}`)]);
  return {
    proxy,
    reader,
    async write(count: number): Promise<void> {
      const data = encodeJson({ type: "token", token: "x".repeat(messageBytes) });
      for (let i = 0; i < count; i++) {
        const result = await writer.events.append({ subject: subjects.agent(0, "c", `t${i}`), data, expect: 0 });
        expect(result.kind).toBe("stored");
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([writer.close(), reader.close()]);
      await proxy[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
    },
  };
}

it("reads many megabytes several times at once without overrunning the connection", async () => {
  await using world = await openThroughProxy();
  await world.write(300);
  let reconnects = 0;
  world.reader.onReconnect(() => reconnects++);
  const reads = await Promise.all(Array.from({ length: 8 }, () => world.reader.events.read("c", { fromSeq: 1 })));
  expect(reads.map(({ length }) => length)).toEqual(Array.from({ length: 8 }, () => 300));
  expect(reconnects).toBe(0);
});

it("refuses to read more than it could hold, and reads the rest", async () => {
  await using world = await openThroughProxy();
  await world.write(520);
  await expect(world.reader.events.read("c", { fromSeq: 1 })).rejects.toThrow("more events than can be read");
  expect(await world.reader.events.read("c", { fromSeq: 100 })).toHaveLength(421);
});

it("has every event although the connection broke while they were read", async () => {
  await using world = await openThroughProxy();
  await world.write(300);
  for (let round = 0; round < 5; round++) {
    const reading = world.reader.events.read("c", { fromSeq: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20 * round));
    world.proxy.sever();
    world.proxy.heal();
    expect((await reading).map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    await eventually(() => world.reader.connected(), { what: "the reader is connected again" });
  }
});
