// @vitest-environment happy-dom
import { useConnection, useConversation, useMessages, useSend, type Sending } from "@parley/react";
import { textOf } from "@parley/protocol/fold";
import { expect, test } from "vitest";
import { accepted, said, subscribed } from "./frames.ts";
import { afterFrames, renderInTests } from "./rendering.tsx";
import { createSetting } from "./scripted-socket.ts";

const render = renderInTests();

async function showing() {
  const setting = createSetting();
  let sending: Sending | undefined;
  const seen: string[] = [];
  function Chat() {
    const conversation = useConversation("c1");
    sending = useSend(conversation);
    const shown = useMessages(conversation).map(({ parts }) => textOf(parts));
    const waiting = sending.outgoing.map(({ text, status, error }) => `${status}:${text}${error?.code ?? ""}`);
    const all = [...shown, ...waiting].join(" ");
    if (seen.at(-1) !== all) seen.push(all);
    return all;
  }
  const page = await render(setting.client, <Chat />);
  return {
    ...setting,
    ...page,
    sending: () => {
      if (sending === undefined) throw new Error("Nothing was rendered.");
      return sending;
    },
    seen: () => seen.splice(0),
  };
}

test("a message is shown from the moment of sending, once, until the view has it and after", async () => {
  const { connect, receive, sending, seen } = await showing();
  await connect();
  await afterFrames(() => receive(subscribed(0)));
  seen();
  await afterFrames(() => sending().send("hello", { id: "m1" }));
  await afterFrames(() => receive(accepted("m1", "t1")));
  await afterFrames(() => receive(said(1, "t1", "hello", "m1")));
  expect(seen()).toEqual(["sending:hello", "hello"]);
});

test("what is sent without a connection is shown, and goes out when there is one", async () => {
  const { connect, sending, text, sent } = await showing();
  await afterFrames(() => sending().send("hello"));
  expect(text()).toBe("sending:hello");
  await connect();
  expect(sent().map(({ type }) => type)).toContain("message");
});

test("a message that was refused stays until it is sent again or discarded", async () => {
  const { connect, receive, sending, text, sent } = await showing();
  await connect();
  await afterFrames(() => receive(subscribed(0)));
  const refusal = { type: "error", error: "No.", code: "RATE_LIMITED", retryable: true, frame: "message" } as const;
  await afterFrames(() => sending().send("hello", { id: "m1" }));
  await afterFrames(() => receive({ ...refusal, id: "m1", conversation_id: "c1" }));
  expect(text()).toBe("failed:helloRATE_LIMITED");
  sent();
  await afterFrames(() => sending().retry("m1"));
  expect(text()).toBe("sending:hello");
  expect(sent()).toMatchObject([{ type: "message", id: "m1", message: "hello" }]);
  await afterFrames(() => receive({ ...refusal, id: "m1", conversation_id: "c1" }));
  await afterFrames(() => sending().discard("m1"));
  expect(text()).toBe("");
});

test("a client that is closed takes nothing, and says so", async () => {
  const { client, sending } = await showing();
  client.close();
  expect(sending().send("hello")).toBe(false);
});

test("the connection is shown as it is, with the time of the next try, which need not be waited for", async () => {
  const setting = createSetting({ backoff: { minMs: 60_000, maxMs: 60_000 } });
  let retryNow = (): void => undefined;
  function Connection() {
    const { state, retryAtMs, ...more } = useConnection();
    ({ retryNow } = more);
    return `${state.name} ${retryAtMs === undefined ? "" : Math.round((retryAtMs - Date.now()) / 1000)}`;
  }
  const { text } = await render(setting.client, <Connection />);
  expect(text()).toBe("idle ");
  await afterFrames(setting.connect);
  expect(text()).toBe("ready ");
  await afterFrames(setting.lose);
  expect(text()).toMatch(/^waiting (59|60)$/);
  await afterFrames(() => retryNow());
  expect(text()).toBe("connecting ");
  expect(setting.connections()).toBe(2);
});
