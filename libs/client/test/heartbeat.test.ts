import { expect, test } from "vitest";
import { frames, nextState, startReady, startSetting } from "./fixtures.ts";

test("sends a ping when the server is silent, and stays while it answers", async () => {
  await using setting = await startReady({ timings: { pingAfterMs: 10, deadAfterMs: 400 } });
  for (let i = 0; i < 3; i++) {
    await setting.connection.frame("ping");
    setting.connection.send({ type: "pong", ts: 0 });
  }
  expect(setting.client.state.name).toBe("ready");
});

test("takes the server's heartbeat when that is shorter than its own", async () => {
  await using setting = await startSetting();
  void setting.client.connect();
  const connection = await setting.server.connection();
  await connection.welcome({ heartbeat_ms: 10 });
  await connection.frame("ping");
});

test("leaves a server that has gone silent, and connects again", async () => {
  await using setting = await startReady({ timings: { pingAfterMs: 10, deadAfterMs: 100 } });
  const waiting = nextState(setting.client, "waiting");
  setting.connection.freeze();
  expect(await waiting).toMatchObject({ code: 1006, reason: "the server has gone silent" });
  await (await setting.server.connection()).welcome();
  await nextState(setting.client, "ready");
});

test("leaves a server that answers pings but not a message", async () => {
  await using setting = await startReady({ timings: { pingAfterMs: 10, answerMs: 400 } });
  const waiting = nextState(setting.client, "waiting");
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  await setting.connection.frame("ping");
  setting.connection.send({ type: "pong", ts: 0 });
  expect((await waiting).reason).toBe("the server did not answer in time");
  const second = await setting.server.connection();
  await second.welcome();
  expect(await second.frame("message")).toMatchObject({ id: "m1" });
  second.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ turn_id: "t1" });
});
