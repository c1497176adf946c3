import { connect } from "@nats-io/transport-node";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { eventually, startNats, startNatsProxy, type NatsMessage, type Treatment } from "@parley/testkit";

/** A real server and client, with a proxy between them that holds messages on `late.>` until it is told. */
async function open(treatLate: (message: NatsMessage) => Treatment | undefined) {
  const broker = await startNats();
  const connections = new Set<number>();
  const proxy = await startNatsProxy({
    targets: [broker.port],
    treat(message, connection) {
      connections.add(connection);
      return message.subject.startsWith("late.") ? treatLate(message) : undefined;
    },
  });
  const client = await connect({ servers: `127.0.0.1:${proxy.port}`, reconnectTimeWait: 20 });
  const direct = await connect({ servers: broker.url });
  const got: string[] = [];
  client.subscribe(">", {
    callback: (_error, { subject, data }) => void (subject.startsWith("_") || got.push(`${subject} ${data.length}`)),
  });
  await client.flush();
  return {
    proxy,
    client,
    direct,
    got,
    connections,
    async [Symbol.asyncDispose]() {
      await client.close();
      await direct.close();
      await proxy[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

test("answers and other messages pass those that are held", async () => {
  let release = (): void => undefined;
  await using world = await open(() => ({ hold: new Promise<void>((resolve) => (release = resolve)), pieceBytes: 1 }));
  const { direct, client, got, proxy } = world;
  direct.publish("late.one", "1");
  direct.publish("soon.two", "22");
  await direct.flush();
  await client.flush();
  await eventually(() => got.length === 1, { what: "the message that is not held" });
  release();
  await eventually(() => got.length === 2, { what: "the message that was held" });
  expect(got).toEqual(["soon.two 2", "late.one 1"]);
  expect(proxy.figures).toMatchObject({ held: 1, overtaken: 0, split: 1 });
});

test("large payloads and a slow reader lose and change nothing", async () => {
  await using world = await open(({ payload }) => ({ hold: payload.length % 7, lane: "one" }));
  const { direct, client } = world;
  const sent = Array.from({ length: 60 }, (_, i) => randomBytes(i % 3 === 0 ? 1_000_000 : i));
  const got: Buffer[] = [];
  client.subscribe("late.echo", { callback: (_error, { data }) => void got.push(Buffer.from(data)) });
  await client.flush();
  for (const bytes of sent) direct.publish("late.echo", bytes);
  await direct.flush();
  world.proxy.stall();
  world.proxy.heal();
  await eventually(() => got.length === sent.length, { what: "all messages", timeoutMs: 20_000 });
  expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
});

test("a client that was cut off comes back over a connection of its own, without what was held", async () => {
  await using world = await open(({ payload }) => (payload.length === 1 ? { hold: 60_000 } : undefined));
  const { direct, client, got, proxy, connections } = world;
  direct.publish("late.one", "1");
  await direct.flush();
  await client.flush();
  proxy.sever();
  await eventually(() => proxy.connections() === 0, { what: "the cut" });
  proxy.heal();
  await eventually(() => proxy.connections() === 1, { what: "the client's return" });
  await client.flush();
  direct.publish("late.two", "22");
  await eventually(() => got.length === 1, { what: "the next message" });
  expect(got).toEqual(["late.two 2"]);
  expect(connections.size).toBe(2);
});

test("messages in single bytes are not passed on more slowly than they come, and change nothing", async () => {
  await using world = await open(() => ({ pieceBytes: 1 }));
  const { direct, client, proxy } = world;
  const sent = Array.from({ length: 2_500 }, () => randomBytes(400));
  const got: Buffer[] = [];
  client.subscribe("late.echo", { callback: (_error, { data }) => void got.push(Buffer.from(data)) });
  await client.flush();
  for (const bytes of sent) direct.publish("late.echo", bytes);
  await direct.flush();
  // In single bytes all of them would take more than 20 s.
  await eventually(() => got.length === sent.length, { what: "all messages", timeoutMs: 10_000 });
  expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
  expect(proxy.figures.split).toBeGreaterThan(0);
});
