// @vitest-environment happy-dom
import { useConversation, useMessages, useTitle, useView } from "@parley/react";
import { isText, type ConversationView, type MessageView } from "@parley/protocol/fold";
import type { Part } from "@parley/protocol";
import { act, memo } from "react";
import { expect, test } from "vitest";
import { said, subscribed, token, toolCalled } from "./frames.ts";
import { afterFrames, renderInTests } from "./rendering.tsx";
import { createSetting } from "./scripted-socket.ts";

const render = renderInTests();

/** How often each was rendered since it was last asked. */
function createCount() {
  const counts = new Map<string, number>();
  return {
    add: (name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    take: () => {
      const taken = Object.fromEntries(counts);
      counts.clear();
      return taken;
    },
  };
}

type Count = ReturnType<typeof createCount>;

const PartView = memo(function PartView({ part, name, count }: { part: Part; name: string; count: Count }) {
  count.add(name);
  return <i>{isText(part) ? part.text : part.type}</i>;
});

const MessageBox = memo(function MessageBox({ message, count }: { message: MessageView; count: Count }) {
  count.add(message.message_id);
  return message.parts.map((part, at) => (
    <PartView key={`${at}`} part={part} name={`${message.message_id} ${at}`} count={count} />
  ));
});

function Messages({ count }: { count: Count }) {
  count.add("list");
  return useMessages(useConversation("c1")).map((message) => (
    <MessageBox key={message.message_id} message={message} count={count} />
  ));
}

function Title({ count }: { count: Count }) {
  count.add("title");
  return useTitle(useConversation("c1"));
}

async function withAnswer() {
  const setting = createSetting();
  await setting.connect();
  const count = createCount();
  const page = await render(
    setting.client,
    <>
      <Title count={count} />
      <Messages count={count} />
    </>,
  );
  await afterFrames(() => {
    setting.receive(subscribed(0), said(1, "t1", "one?"), token(2, "t1", "one"));
    setting.receive(toolCalled(3, "t1", "k1"), token(4, "t1", "a"));
  });
  count.take();
  return { ...setting, ...page, count };
}

test("a token renders one part of one message", async () => {
  const { receive, count, text } = await withAnswer();
  await afterFrames(() => receive(token(5, "t1", "b")));
  expect(text()).toBe("one?onetool_callab");
  // Each twice: a strict mode renders twice.
  expect(count.take()).toEqual({ list: 2, "t1-a": 2, "t1-a 2": 2 });
});

test("a hundred tokens of one frame are rendered once", async () => {
  const { receive, count, text } = await withAnswer();
  await afterFrames(() => {
    for (let seq = 5; seq < 105; seq++) receive(token(seq, "t1", "."));
  });
  expect(text()).toBe(`one?onetool_calla${".".repeat(100)}`);
  expect(count.take()).toEqual({ list: 2, "t1-a": 2, "t1-a 2": 2 });
});

test("a hidden page goes on without frames", async () => {
  const { receive, text } = await withAnswer();
  Object.defineProperty(document, "hidden", { configurable: true, value: true });
  const { requestAnimationFrame } = globalThis;
  globalThis.requestAnimationFrame = () => 0;
  try {
    receive(token(5, "t1", "b"));
    await act(async () => expect.poll(() => text()).toBe("one?onetool_callab"));
  } finally {
    globalThis.requestAnimationFrame = requestAnimationFrame;
    Reflect.deleteProperty(document, "hidden");
  }
});

test("a page that is hidden while it waits for a frame goes on", async () => {
  const { receive, text } = await withAnswer();
  const { requestAnimationFrame } = globalThis;
  globalThis.requestAnimationFrame = () => 0;
  try {
    receive(token(5, "t1", "b"));
    await act(async () => expect.poll(() => text()).toBe("one?onetool_callab"));
  } finally {
    globalThis.requestAnimationFrame = requestAnimationFrame;
  }
});

test("a selector that makes a new object each time renders only what differs", async () => {
  const { client, receive, connect } = createSetting();
  await connect();
  const count = createCount();
  function Ids() {
    count.add("ids");
    const select = ({ turns }: ConversationView) => turns.map(({ turn_id }) => turn_id);
    return useView(useConversation("c1"), select, (one, other) => one.join() === other.join()).join();
  }
  const { text } = await render(client, <Ids />);
  await afterFrames(() => receive(subscribed(0), token(1, "t1", "a")));
  expect(text()).toBe("t1");
  count.take();
  await afterFrames(() => receive(token(2, "t1", "b")));
  expect(count.take()).toEqual({});
  await afterFrames(() => receive(token(3, "t2", "b")));
  expect(text()).toBe("t1,t2");
});

test("all components see the same view, also one that renders between two frames", async () => {
  const { receive, box, show, client } = await withAnswer();
  const Late = () => <b>{useView(useConversation("c1"), ({ seq }) => seq)}</b>;
  receive(token(5, "t1", "b"));
  const seen: string[] = [];
  const { requestAnimationFrame } = globalThis;
  await show([<Late key="one" />, <Late key="two" />]);
  seen.push(...[...box.querySelectorAll("b")].map(({ textContent }) => textContent));
  expect(new Set(seen).size).toBe(1);
  expect(client.conversation("c1").view.seq).toBe(5);
  globalThis.requestAnimationFrame = requestAnimationFrame;
});
