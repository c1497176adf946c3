import { closeCodes } from "@parley/protocol";
import { expect, test } from "vitest";
import { createConnectionFigures, type Reconnection } from "@parley/client/figures";
import { connect, nextState, startSetting } from "./fixtures.ts";

/** A setting whose clock the test moves. */
async function startTimed() {
  let time = 0;
  const now = () => time;
  const setting = await startSetting({ now });
  const reconnections: Reconnection[] = [];
  const onReconnected = (reconnection: Reconnection) => void reconnections.push(reconnection);
  const figures = createConnectionFigures(setting.client, { onReconnected, now });
  return { ...setting, figures, reconnections, pass: (ms: number) => (time += ms) };
}

test("says how often it tried, and how long it was without a connection", async () => {
  const { server, client, figures, reconnections, pass, ...rest } = await startTimed();
  await using _ = rest;
  const ready = client.connect();
  const first = await server.connection();
  await first.welcome();
  await ready;
  pass(1_000);
  const lost = nextState(client, "waiting");
  first.close(closeCodes.tooSlow, "too slow");
  await lost;
  pass(30);
  expect(figures.read()).toEqual({ attempts: 1, connections: 1, losses: 1, readyMs: 1_000, outageMs: 30 });

  const failed = nextState(client, "waiting");
  (await server.connection()).close(closeCodes.overloaded);
  await failed;
  pass(70);
  const readyAgain = nextState(client, "ready");
  await (await server.connection()).welcome();
  await readyAgain;
  expect(reconnections).toEqual([{ attempts: 2, outageMs: 100, code: closeCodes.tooSlow, reason: "too slow" }]);
  pass(500);
  expect(figures.read()).toEqual({ attempts: 3, connections: 2, losses: 1, readyMs: 1_500, outageMs: 100 });
});

test("takes the first connection for no reconnection, however often it tried before", async () => {
  const { server, client, figures, reconnections, pass, ...rest } = await startTimed();
  await using _ = rest;
  void client.connect();
  const failed = nextState(client, "waiting");
  (await server.connection()).close(closeCodes.overloaded);
  await failed;
  pass(100);
  const ready = nextState(client, "ready");
  await (await server.connection()).welcome();
  await ready;
  expect(figures.read()).toEqual({ attempts: 2, connections: 1, losses: 0, readyMs: 0, outageMs: 0 });
  expect(reconnections).toEqual([]);
});

test("ends its times when it is closed, which is no loss", async () => {
  const { server, client, figures, pass, ...rest } = await startTimed();
  await using _ = rest;
  const ready = client.connect();
  await (await server.connection()).welcome();
  await ready;
  pass(200);
  client.close();
  pass(1_000);
  expect(figures.read()).toEqual({ attempts: 1, connections: 1, losses: 0, readyMs: 200, outageMs: 0 });
});

test("counts a connection that the server ends for good as lost", async () => {
  await using setting = await startSetting();
  const figures = createConnectionFigures(setting.client);
  const connection = await connect(setting);
  const closed = nextState(setting.client, "closed");
  connection.close(closeCodes.policy);
  await closed;
  expect(figures.read()).toMatchObject({ attempts: 1, connections: 1, losses: 1, outageMs: 0 });
});
