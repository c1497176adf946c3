import { createClient } from "@parley/client";
import { expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { withAgent } from "../../src/embed/with-agent.ts";

/** A client that is not connected. */
function clientOf(agent: string | undefined) {
  const client = createClient({ url: "ws://127.0.0.1:9", token: "t", WebSocket });
  return { client, given: withAgent(client, agent) };
}

test("gives the same handle for the same conversation, which shows what the client knows", () => {
  const { client, given } = clientOf("k8s");
  const conversation = given.conversation("c_1");
  expect(given.conversation("c_1")).toBe(conversation);
  expect(given.conversation("c_2")).not.toBe(conversation);
  expect(conversation.view).toBe(client.conversation("c_1").view);
  expect(given.state).toBe(client.state);
});

test("says whether there is a network, also when that has changed", () => {
  let onSignal: (signal: "online" | "offline") => void = () => undefined;
  const environment = {
    isOnline: () => true,
    watch: (listener: typeof onSignal) => {
      onSignal = listener;
      return () => undefined;
    },
  };
  const client = createClient({ url: "ws://127.0.0.1:9", token: "t", WebSocket, environment });
  const given = withAgent(client, "k8s");
  client.connect().catch(() => undefined);
  onSignal("offline");
  expect(client.isOnline).toBe(false);
  expect(given.isOnline).toBe(false);
  client.close();
});

test("without an agent it is the client itself", () => {
  const { client, given } = clientOf(undefined);
  expect(given).toBe(client);
});

test("says for whom a message is, unless the message does", () => {
  const { client, given } = clientOf("k8s");
  const send = vi.spyOn(client.conversation("c_1"), "send").mockReturnValue(new Promise(() => undefined));
  const { send: sendHere } = given.conversation("c_1");
  void sendHere("one");
  void sendHere("two", { agent: "general", model: "m" });
  expect(send.mock.calls).toEqual([
    ["one", { agent: "k8s" }],
    ["two", { agent: "general", model: "m" }],
  ]);
});
