import { expect, test } from "vitest";
import { closeCodes } from "@parley/protocol";
import { ClientClosedError, createClient } from "@parley/client";
import { connect, nextState, quick, startReady, startSetting } from "./fixtures.ts";
import { startScriptedServer, user } from "./scripted-server.ts";

const welcome = {
  type: "welcome",
  connection_id: "k1",
  auth_required: true,
  heartbeat_ms: 20_000,
  max_message_bytes: 32_768,
  resume_window_ms: 1,
};

test("connects with the native subprotocol, sends the token and is ready", async () => {
  await using setting = await startSetting();
  const { server, client } = setting;
  const names: string[] = [];
  client.on("state", (state) => names.push(state.name));
  const ready = client.connect();
  const connection = await server.connection();
  expect(connection.subprotocol).toBe("parley.v1");
  expect(await connection.frame("auth")).toEqual({ type: "auth", token: "secret", knows: ["unknown", "posts"] });
  connection.send({ type: "auth_success", message: "", user, expires_at: 0 });
  await ready;
  expect(client.state).toEqual({ name: "ready", user });
  expect(names).toEqual(["connecting", "authenticating", "ready"]);
});

test("is ready without a token when the server wants none", async () => {
  await using server = await startScriptedServer();
  using client = createClient({ ...quick, url: server.url });
  const ready = client.connect();
  (await server.connection()).send({ ...welcome, auth_required: false });
  await ready;
  expect(client.state).toEqual({ name: "ready", user: undefined });
});

test("closes for good without a token when the server wants one", async () => {
  await using server = await startScriptedServer();
  using client = createClient({ ...quick, url: server.url });
  const ready = client.connect();
  (await server.connection()).send(welcome);
  await expect(ready).rejects.toThrow("The client is closed: the server wants a token.");
});

test("closes for good when the server refuses a token that cannot change", async () => {
  await using setting = await startSetting();
  const ready = setting.client.connect();
  const connection = await setting.server.connection();
  await connection.frame("auth");
  connection.send({ type: "auth_error", message: "The token has expired.", code: "AUTH_EXPIRED" });
  await expect(ready).rejects.toThrow(ClientClosedError);
  expect(setting.client.state).toMatchObject({ name: "closed", reason: "The token has expired." });
});

test("comes back with the same token when the server could not check it", async () => {
  await using setting = await startSetting();
  const ready = setting.client.connect();
  const first = await setting.server.connection();
  await first.frame("auth");
  first.send({ type: "auth_error", message: "This token cannot be checked at the moment.", code: "AUTH_UNAVAILABLE" });
  first.close(closeCodes.overloaded);
  const second = await setting.server.connection();
  await second.frame("auth");
  second.send({ type: "auth_success", message: "", user, expires_at: 0 });
  await ready;
});

test("comes back with another token when it can ask for one", async () => {
  const tokens = ["old", "new"];
  await using setting = await startSetting({ getToken: async () => tokens.shift() ?? "none" });
  const ready = setting.client.connect();
  const first = await setting.server.connection();
  expect(await first.frame("auth")).toMatchObject({ token: "old" });
  first.send({ type: "auth_error", message: "The token has expired.", code: "AUTH_EXPIRED" });
  first.close(closeCodes.tokenExpired);
  const second = await setting.server.connection();
  expect(await second.frame("auth")).toMatchObject({ token: "new" });
  second.send({ type: "auth_success", message: "", user, expires_at: 0 });
  await ready;
});

test("tries again when no token could be had", async () => {
  let tries = 0;
  const getToken = () => {
    tries += 1;
    if (tries === 1) throw new Error("the login service is down");
    return "secret";
  };
  await using setting = await startSetting({ getToken });
  await Promise.all([nextState(setting.client, "waiting"), setting.client.connect(), answerAll(setting)]);
  expect(tries).toBe(2);

  async function answerAll({ server }: typeof setting) {
    await server.connection();
    await (await server.connection()).welcome();
  }
});

test("what getToken has thrown is the cause of the wait, and of the end when nobody waits for another try", async () => {
  const down = new Error("the login service is down");
  await using setting = await startSetting({
    getToken: () => Promise.reject(down),
    backoff: { minMs: 60_000, maxMs: 60_000 },
  });
  const waiting = nextState(setting.client, "waiting");
  const ready = setting.client.connect();
  expect(await waiting).toMatchObject({ reason: "no token could be had", cause: down });
  setting.client.close();
  await expect(ready).rejects.toMatchObject({ message: "The client is closed: closed by the caller.", cause: down });
  await expect(setting.client.conversation("c1").subscribe()).rejects.toMatchObject({ cause: down });
});

test("the sentence of a server that closes for good has one full stop", async () => {
  await using setting = await startReady();
  const closed = nextState(setting.client, "closed");
  setting.connection.close(closeCodes.badToken, "The token is not valid.");
  await closed;
  await expect(setting.client.connect()).rejects.toThrow(/^The client is closed: The token is not valid\.$/);
});

test("sends a fresh token on the same socket when the present one ends soon", async () => {
  let tries = 0;
  await using setting = await startSetting({ getToken: () => `token ${++tries}` });
  const connection = await connect(setting);
  connection.send({ type: "auth_expiring", expires_in_ms: 60_000 });
  expect(await connection.frame("auth")).toMatchObject({ type: "auth", token: "token 2" });
  connection.send({ type: "auth_success", message: "", user, expires_at: 0 });
  expect(setting.client.state.name).toBe("ready");
});

test("gives up a connection whose server does not answer in time", async () => {
  await using setting = await startSetting({ timings: { handshakeMs: 20 } });
  const waiting = nextState(setting.client, "waiting");
  void setting.client.connect();
  await setting.server.connection();
  expect(await waiting).toMatchObject({ code: 1006, reason: "the server did not answer in time" });
});

test("ignores frames it does not know", async () => {
  await using setting = await startReady();
  const { connection, client } = setting;
  const pong = new Promise((resolve) => client.on("frame", resolve));
  connection.send({ type: "hologram", depth: 3 }, [1, 2], { type: "pong", ts: 7 });
  expect(await pong).toEqual({ type: "pong", ts: 7 });
});

test("can be closed before it was ready, and says so to who waits", async () => {
  await using setting = await startSetting();
  const ready = setting.client.connect();
  setting.client.close();
  await expect(ready).rejects.toThrow("The client is closed: closed by the caller.");
  await expect(setting.client.connect()).rejects.toThrow(ClientClosedError);
});

test("does not fail the process when nobody waits for connect", async () => {
  await using setting = await startSetting();
  const closed = nextState(setting.client, "closed");
  void setting.client.connect();
  (await setting.server.connection()).close(closeCodes.policy, "blocked");
  expect(await closed).toEqual({ name: "closed", code: closeCodes.policy, reason: "blocked" });
});
