import { expect, test } from "vitest";
import { closeCodes } from "@parley/protocol";
import { nextState, startReady, startSetting } from "./fixtures.ts";

test("who asks to connect while a connection that was ready is lost waits until the next one is", async () => {
  await using setting = await startReady();
  setting.connection.close(closeCodes.goingAway);
  await nextState(setting.client, "waiting");
  let isReady = false;
  const ready = setting.client.connect().then(() => (isReady = true));
  const connection = await setting.server.connection();
  expect(isReady).toBe(false);
  await connection.welcome();
  await ready;
});

test.each(Object.entries(closeCodes).filter(([, code]) => code < 4500))(
  "comes back after close code %s",
  async (_, code) => {
    await using setting = await startReady();
    setting.connection.close(code);
    await (await setting.server.connection()).welcome();
    await nextState(setting.client, "ready");
  },
);

test.each(Object.entries(closeCodes).filter(([, code]) => code >= 4500))(
  "stays away after close code %s",
  async (_, code) => {
    await using setting = await startReady();
    const closed = nextState(setting.client, "closed");
    setting.connection.close(code);
    expect((await closed).code).toBe(code);
    expect(setting.server.waiting()).toBe(0);
  },
);

test("comes back when the server said, not before", async () => {
  await using setting = await startReady({ backoff: { minMs: 60_000, maxMs: 60_000 } });
  const waiting = nextState(setting.client, "waiting");
  setting.connection.send({ type: "going_away", reconnect_after_ms: 7 });
  setting.connection.close(closeCodes.goingAway);
  expect(await waiting).toMatchObject({ delayMs: 7, code: closeCodes.goingAway });
  await setting.server.connection();
});

test("waits longer after every connection that did not last, and starts over after one that did", async () => {
  let time = 0;
  const timings = { stableMs: 1_000 };
  await using setting = await startSetting({
    timings,
    backoff: { minMs: 1, maxMs: 6 },
    random: () => 0.999,
    now: () => time,
  });
  const { server, client } = setting;
  const delays: number[] = [];
  client.on("state", (state) => void (state.name === "waiting" && delays.push(Math.round(state.delayMs))));
  void client.connect();
  for (const lastsMs of [0, 0, 0, 0, 1_000, 0]) {
    const connection = await server.connection();
    const waiting = nextState(client, "waiting");
    await connection.welcome();
    if (client.state.name !== "ready") await nextState(client, "ready");
    time += lastsMs;
    connection.close(closeCodes.goingAway);
    await waiting;
  }
  expect(delays).toEqual([2, 4, 6, 6, 2, 4]);
});

test("does not come back once it was closed", async () => {
  await using setting = await startReady({ backoff: { minMs: 1, maxMs: 1 } });
  const waiting = nextState(setting.client, "waiting");
  setting.connection.close(closeCodes.goingAway);
  await waiting;
  setting.client.close();
  expect(setting.client.state.name).toBe("closed");
  // A second client of the same server comes after any reconnect that was still under way.
  await using other = await startReady();
  expect(other.client.state.name).toBe("ready");
  expect(setting.server.waiting()).toBe(0);
});
