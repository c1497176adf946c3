import { expect, test } from "vitest";
import { closeCodes } from "@parley/protocol";
import { connect, frames, leave, nextState, startReady, startSetting } from "./fixtures.ts";
import { surroundings } from "./surroundings.ts";

const never = { backoff: { minMs: 60_000, maxMs: 60_000 } };

test("without a network nothing is tried, and the state says so; with one it is tried at once", async () => {
  const { environment, say } = surroundings();
  await using setting = await startReady({ environment });
  const { client, server, connection } = setting;
  const waiting = nextState(client, "waiting");
  say("offline");
  connection.close(closeCodes.goingAway);
  expect(await waiting).toMatchObject({ retryAtMs: undefined });
  expect(client.isOnline).toBe(false);
  // The back-off of these tests is a millisecond.
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([client.state.name, server.waiting()]).toEqual(["waiting", 0]);
  say("online");
  expect([client.state.name, client.isOnline]).toEqual(["connecting", true]);
  await (await server.connection()).welcome();
});

test("the event online tells each change once", async () => {
  const { environment, say } = surroundings();
  await using setting = await startReady({ environment });
  const told: boolean[] = [];
  setting.client.on("online", (isOnline) => told.push(isOnline));
  for (const signal of ["online", "offline", "offline", "visible", "online"] as const) say(signal);
  expect(told).toEqual([false, true]);
});

test("the network is lost during a wait: the wait ends when it is there again", async () => {
  const { environment, say } = surroundings();
  await using setting = await startReady({ environment, ...never, wallNow: () => 1_000 });
  const { client, server, connection } = setting;
  const waiting = nextState(client, "waiting");
  connection.close(closeCodes.goingAway);
  expect(await waiting).toMatchObject({ delayMs: 60_000, retryAtMs: 61_000 });
  say("offline");
  expect(client.state).toMatchObject({ name: "waiting", retryAtMs: undefined, code: closeCodes.goingAway });
  say("online");
  await (await server.connection()).welcome();
});

test.each(["visible", "resumed", "online"] as const)(
  "a client that waits tries at once when it is told %s",
  async (signal) => {
    const { environment, say } = surroundings();
    await using setting = await startReady({ environment, ...never });
    const waiting = nextState(setting.client, "waiting");
    setting.connection.close(closeCodes.tooSlow);
    await waiting;
    say(signal);
    await (await setting.server.connection()).welcome();
    await nextState(setting.client, "ready");
  },
);

test("somebody who does not want to wait is not kept waiting", async () => {
  await using setting = await startReady(never);
  const { client, server } = setting;
  const waiting = nextState(client, "waiting");
  setting.connection.close(closeCodes.tooSlow);
  await waiting;
  client.retryNow();
  client.retryNow();
  expect(client.state.name).toBe("connecting");
  await (await server.connection()).welcome();
  await nextState(client, "ready");
  expect(server.waiting()).toBe(0);
});

test("there is nothing to be tried before the first connection or after the last", async () => {
  await using setting = await startSetting();
  setting.client.retryNow();
  expect(setting.client.state.name).toBe("idle");
  setting.client.close();
  setting.client.retryNow();
  expect(setting.client.state.name).toBe("closed");
});

test.each(["visible", "resumed", "online"] as const)(
  "a connection that turns out to be lost when it is doubted (%s) is followed by another one at once",
  async (signal) => {
    const { environment, say } = surroundings();
    await using setting = await startReady({ environment, ...never });
    const { client, connection, server } = setting;
    const waiting = nextState(client, "waiting");
    say(signal);
    connection.close(closeCodes.tooSlow);
    expect(await waiting).toMatchObject({ delayMs: 0 });
    await (await server.connection()).welcome();
  },
);

test.each(["offline", "visible", "resumed", "online"] as const)(
  "a connection that does not answer when it is doubted (%s) is given up long before its heartbeat would",
  async (signal) => {
    const { environment, say } = surroundings();
    await using setting = await startReady({ environment, timings: { probeMs: 30 } });
    const waiting = nextState(setting.client, "waiting");
    setting.connection.freeze();
    say(signal);
    expect(await waiting).toMatchObject({ code: 1006, reason: "the server has gone silent" });
  },
);

test("a connection that answers when it is doubted stays, also where the browser sees no network", async () => {
  const { environment, say } = surroundings();
  await using setting = await startReady({ environment, timings: { probeMs: 100 } });
  const { client, connection } = setting;
  for (const signal of ["offline", "visible"] as const) {
    say(signal);
    say(signal);
    await connection.frame("ping");
    const heard = new Promise((resolve) => client.on("frame", resolve));
    connection.send({ type: "pong", ts: 0 });
    await heard;
  }
  await new Promise((resolve) => setTimeout(resolve, 130));
  expect([client.state.name, connection.unread()]).toEqual(["ready", []]);
});

test("what was sent without a network is sent when there is one", async () => {
  const { environment, say } = surroundings();
  await using setting = await startReady({ environment });
  const { client, server, connection } = setting;
  const waiting = nextState(client, "waiting");
  say("offline");
  connection.close(closeCodes.goingAway);
  await waiting;
  const sent = client.conversation("c1").send("hi", { id: "m1" });
  say("online");
  const second = await server.connection();
  await second.welcome();
  await second.frame("message");
  second.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ id: "m1" });
});

test("the first try is made also where the browser sees no network, as it may be wrong", async () => {
  const { environment } = surroundings(false);
  await using setting = await startSetting({ environment });
  await connect(setting);
  expect([setting.client.state.name, setting.client.isOnline]).toEqual(["ready", false]);
});

test("a client that was closed listens to nothing any more", async () => {
  const { environment, watchers } = surroundings();
  await using setting = await startSetting({ environment });
  expect(watchers()).toBe(0);
  leave(setting.client.connect());
  expect(watchers()).toBe(1);
  setting.client.close();
  expect(watchers()).toBe(0);
});
