// @vitest-environment happy-dom
import { useApprovals, useConversation, useOpenTurn, useProgress, useQueue } from "@parley/react";
import type { ServerFrame } from "@parley/protocol";
import { expect, test } from "vitest";
import { completed, progress, said, snapshot, subscribed, token } from "./frames.ts";
import { afterFrames, renderInTests } from "./rendering.tsx";
import { createSetting } from "./scripted-socket.ts";

const render = renderInTests();

function Steps() {
  const steps = useProgress(useConversation("c1"), "t1");
  return steps.map(({ step, message, agent }) => `${step}:${message}${agent ?? ""}`).join(" ");
}

async function showing(content: React.ReactNode) {
  const setting = createSetting();
  await setting.connect();
  const page = await render(setting.client, content);
  const receive = (...frames: readonly ServerFrame[]) => afterFrames(() => setting.receive(...frames));
  await receive(subscribed(0));
  return { ...setting, ...page, receive };
}

test("steps of the way to an answer come one after the other, and are gone at its end", async () => {
  const { text, receive } = await showing(<Steps />);
  await receive(
    progress(1, "t1", { step: "agent_routing", message: "routing" }),
    progress(2, "t1", { step: "rag_retrieval", message: "looking" }),
  );
  expect(text()).toBe("agent_routing:routing rag_retrieval:looking");
  await receive(completed(3, "t1", "done"));
  expect(text()).toBe("");
});

test("a step that comes again with what it has found stands in its place", async () => {
  const { text, receive } = await showing(<Steps />);
  await receive(progress(1, "t1", { step: "agent_routing", message: "routing" }));
  await receive(progress(2, "t1", { step: "agent_routing", message: "found ", agent: "general" }));
  expect(text()).toBe("agent_routing:found general");
});

test("the steps of an answer that begins anew begin anew", async () => {
  const { text, receive } = await showing(<Steps />);
  await receive(progress(1, "t1", { step: "agent_routing", message: "routing" }));
  const restarted = { type: "turn_restarted", conversation_id: "c1", turn_id: "t1", attempt: 2, n: 1, ts: 0 } as const;
  await receive({ ...restarted, seq: 2, text: "" }, progress(3, "t1", { step: "generating", message: "writing" }, 2));
  expect(text()).toBe("generating:writing");
});

test("the steps of an answer whose end only a snapshot tells are gone with it", async () => {
  const { text, receive } = await showing(<Steps />);
  await receive(progress(1, "t1", { step: "generating", message: "writing" }));
  expect(text()).toBe("generating:writing");
  await receive(snapshot(9, "t1"));
  expect(text()).toBe("");
});

test("at most twenty steps are kept, the last ones", async () => {
  const { text, receive } = await showing(<Steps />);
  await receive(...Array.from({ length: 30 }, (_, at) => progress(at + 1, "t1", { step: `s${at}`, message: "" })));
  expect(text().split(" ")).toEqual(Array.from({ length: 20 }, (_, at) => `s${at + 10}:`));
});

test("the open turn is the one that runs or waits for a person, not one that is queued", async () => {
  const Open = () => useOpenTurn(useConversation("c1"))?.turn_id ?? "none";
  const { text, receive } = await showing(<Open />);
  await receive(said(1, "t1", "one"));
  expect(text()).toBe("none");
  await receive(token(2, "t1", "a"), said(3, "t2", "two"));
  expect(text()).toBe("t1");
  await receive(completed(4, "t1", "a"));
  expect(text()).toBe("none");
});

test("the queue and the approvals are as the view has them, and render nothing while they are the same", async () => {
  let renders = 0;
  function Waiting() {
    renders++;
    const conversation = useConversation("c1");
    const queued = useQueue(conversation).map(({ turn_id }) => turn_id);
    const asked = useApprovals(conversation).map(({ call }) => call.call_id);
    return [...queued, ...asked].join(" ");
  }
  const { text, receive } = await showing(<Waiting />);
  await receive(said(1, "t1", "one"), token(2, "t1", "a"), said(3, "t2", "two"));
  expect(text()).toBe("t2");
  renders = 0;
  await receive(token(4, "t1", "b"));
  expect(renders).toBe(0);
});
