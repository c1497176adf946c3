import { expect, test } from "vitest";
import { createClient } from "@parley/client";
import { createDeferred } from "../src/deferred.ts";
import { quick } from "./fixtures.ts";
import { startScriptedServer, user } from "./scripted-server.ts";

const welcome = {
  type: "welcome",
  connection_id: "k1",
  auth_required: true,
  heartbeat_ms: 20_000,
  max_message_bytes: 32_768,
  resume_window_ms: 1,
};
const success = { type: "auth_success", message: "", user, expires_at: 0 };

test("a client whose getToken answers null is ready by the cookie alone, and says only what it knows", async () => {
  await using server = await startScriptedServer();
  using client = createClient({ ...quick, url: server.url, getToken: () => null });
  const ready = client.connect();
  const connection = await server.connection();
  connection.send(welcome, success);
  await ready;
  expect(client.state).toEqual({ name: "ready", user });
  expect(await connection.frame("auth")).toEqual({ type: "auth", knows: ["unknown", "posts"] });
  expect(connection.unread()).toEqual([]);
});

test("whom the cookie names does not count before it is known whether a token follows", async () => {
  await using server = await startScriptedServer();
  const token = createDeferred<string>();
  using client = createClient({ ...quick, url: server.url, getToken: () => token.promise });
  const ready = client.connect();
  const connection = await server.connection();
  const seen = createDeferred<void>();
  client.on("frame", ({ type }) => type === "auth_success" && seen.resolve());
  connection.send(welcome, { ...success, user: { id: "cookie" } });
  await seen.promise;
  expect(client.state.name).not.toBe("ready");
  token.resolve("secret");
  await connection.frame("auth");
  connection.send(success);
  await ready;
  expect(client.state).toEqual({ name: "ready", user });
});
