// @vitest-environment happy-dom
import { useConversation, useMessages, useRefusal } from "@parley/react";
import { act } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { accepted, refused, said, snapshot, subscribed } from "./frames.ts";
import { renderInTests } from "./rendering.tsx";
import { createSetting } from "./scripted-socket.ts";

const render = renderInTests();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const lingerMs = 5_000;
const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

function Count() {
  return useMessages(useConversation("c1")).length;
}

function Refusal() {
  return <b>{useRefusal(useConversation("c1"))?.code ?? "none"}</b>;
}

async function started() {
  const setting = createSetting();
  await setting.connect();
  const types = () => setting.sent().map(({ type }) => type);
  return { ...setting, types };
}

test("components with the same id, in a strict mode, subscribe once", async () => {
  const { client, types, receive } = await started();
  const { text } = await render(client, [<Count key="one" />, <Count key="two" />]);
  expect(types()).toEqual(["subscribe"]);
  receive(subscribed(0), snapshot(1, "t1"));
  await pass(300);
  expect(text()).toBe("22");
});

test("a component that comes back at once finds its conversation as it was", async () => {
  const { client, types, receive } = await started();
  const { show, text } = await render(client, <Count />);
  receive(subscribed(0), snapshot(1, "t1"));
  await show(undefined);
  await pass(lingerMs - 1);
  await show(<Count />);
  expect(text()).toBe("2");
  await pass(2 * lingerMs);
  expect(types()).toEqual(["subscribe"]);
});

test("a conversation is left a while after its last component, and not before", async () => {
  const { client, types, receive } = await started();
  const { show } = await render(client, [<Count key="one" />, <Count key="two" />]);
  receive(subscribed(0));
  await show(<Count key="two" />);
  await pass(2 * lingerMs);
  expect(types()).toEqual(["subscribe"]);
  await show(undefined);
  await pass(lingerMs);
  expect(types()).toEqual(["unsubscribe"]);
  await show(<Count />);
  expect(types()).toEqual(["subscribe"]);
});

test("a conversation is not left while a message of it has no answer", async () => {
  const { client, types, receive } = await started();
  const { show } = await render(client, <Count />);
  receive(subscribed(0));
  void client.conversation("c1").send("hello", { id: "m1" });
  await show(undefined);
  await pass(3 * lingerMs);
  expect(types()).toEqual(["subscribe", "message"]);
  receive(accepted("m1", "t1"), said(1, "t1", "hello", "m1"));
  await pass(lingerMs);
  expect(types()).toEqual(["unsubscribe"]);
});

test("a conversation is not left while there is no connection", async () => {
  const { client, receive, lose, connect, types } = await started();
  const { show } = await render(client, <Count />);
  receive(subscribed(0));
  lose();
  await show(undefined);
  await pass(2 * lingerMs);
  client.conversation("c1").cancel("t1");
  await act(async () => {
    const ready = connect();
    await vi.advanceTimersByTimeAsync(10);
    await ready;
  });
  await pass(1);
  expect(types()).toContain("cancel");
  await pass(lingerMs);
  expect(types()).toContain("unsubscribe");
});

test("what is refused is said until it is not any more", async () => {
  const { client, receive } = await started();
  const { text } = await render(client, <Refusal />);
  expect(text()).toBe("none");
  receive(refused("NOT_FOUND", "subscribe"));
  await pass(300);
  expect(text()).toBe("NOT_FOUND");
  void client.conversation("c1").send("hello", { id: "m1" });
  receive(accepted("m1", "t1"));
  await pass(300);
  expect(text()).toBe("none");
  receive(refused("NOT_FOUND", "cancel"));
  await pass(300);
  expect(text()).toBe("none");
  receive(refused("NOT_FOUND", "delete"));
  await pass(300);
  expect(text()).toBe("NOT_FOUND");
});

test("another id is another conversation", async () => {
  const { client, sent } = await started();
  const Any = ({ id }: { id: string }) => useConversation(id).id;
  const { show, text } = await render(client, <Any id="c1" />);
  await show(<Any id="c2" />);
  expect(text()).toBe("c2");
  await pass(lingerMs);
  expect(sent().map(({ type, conversation_id }) => `${type} ${conversation_id}`)).toEqual([
    "subscribe c1",
    "subscribe c2",
    "unsubscribe c1",
  ]);
});
