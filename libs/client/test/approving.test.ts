import { expect, test } from "vitest";
import { closeCodes, pendingApprovals } from "@parley/protocol";
import type { ServerConnection } from "./scripted-server.ts";
import { connect, frames, startReady, startSetting } from "./fixtures.ts";

const common = { conversation_id: "c1", turn_id: "t1", ts: 0 };
const call = { call_id: "t1-0-0", tool_name: "scale", arguments: {} };
const required = (seq: number) => ({
  ...{ seq, type: "approval_required", ...common, ...call },
  ...{ summary: "Scales it.", expires_at: 9, confirm: "prod" },
});
const decided = (seq: number, approved: boolean) => ({
  ...{ seq, type: "approval_decided", ...common, call_id: call.call_id },
  ...{ approved, by: { id: "u1" }, reason: "go" },
});
const refusal = (code: string, more: object = {}) =>
  frames.error(code, { frame: "approve", conversation_id: "c1", call_id: call.call_id, ...more });

/** A client that looks at a call that waits. */
async function startAsked() {
  const setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const subscribed = conversation.subscribe();
  await answer(setting.connection, 0);
  await subscribed;
  const seen = new Promise<unknown>((resolve) => conversation.on("change", resolve));
  setting.connection.send(required(5));
  await seen;
  return { ...setting, conversation };
}

async function answer(connection: ServerConnection, seq: number): Promise<void> {
  await connection.frame("subscribe");
  connection.send(frames.subscribed(seq));
}

test("a decision resolves with what was decided, and the view has it", async () => {
  await using setting = await startAsked();
  const { conversation, connection } = setting;
  expect(pendingApprovals(conversation.view)).toMatchObject([{ call: { approval: { summary: "Scales it." } } }]);
  const decision = conversation.approve(call.call_id, true, { confirm: "prod", reason: "go" });
  expect(await connection.frame("approve")).toEqual({
    ...{ type: "approve", conversation_id: "c1", call_id: call.call_id },
    ...{ approved: true, confirm: "prod", reason: "go" },
  });
  connection.send(decided(6, true));
  expect(await decision).toEqual({ approved: true, by: { id: "u1" }, reason: "go" });
  expect(pendingApprovals(conversation.view)).toEqual([]);
});

test("the like is agreed to as well, for as long as was said", async () => {
  await using setting = await startAsked();
  const { conversation, connection } = setting;
  const decision = conversation.approve(call.call_id, true, { confirm: "prod", like: 600_000 });
  expect(await connection.frame("approve")).toMatchObject({ approved: true, confirm: "prod", like_ms: 600_000 });
  connection.send({ ...decided(6, true), like_for_ms: 600_000 });
  expect(await decision).toEqual({ approved: true, by: { id: "u1" }, reason: "go", like_for_ms: 600_000 });
});

test("a decision resolves with the server's answer, also of a turn that the view has not", async () => {
  await using setting = await startAsked();
  const { conversation, connection } = setting;
  const one = conversation.approve("t0-0-0", false);
  await connection.frame("approve");
  const { type: _type, seq: _seq, ...said } = decided(0, false);
  connection.send({ type: "decision", ...said, call_id: "t0-0-0" });
  expect(await one).toEqual({ approved: false, by: { id: "u1" }, reason: "go" });
  const other = conversation.approve("t0-0-1", true);
  await connection.frame("approve");
  connection.send({ type: "decision", ...said, call_id: "t0-0-1" });
  await expect(other).rejects.toMatchObject({ code: "CONFLICT" });
});

test("a decision is sent again on every new connection until it is known", async () => {
  await using setting = await startAsked();
  const decision = setting.conversation.approve(call.call_id, false);
  let { connection } = setting;
  for (let i = 0; i < 3; i++) {
    expect(await connection.frame("approve")).toMatchObject({ call_id: call.call_id, approved: false });
    // A server that goes away says so, and closes: that is no answer.
    connection.send(refusal("SHUTTING_DOWN", { retryable: true }));
    connection.close(closeCodes.goingAway);
    connection = await setting.server.connection();
    await connection.welcome();
    await answer(connection, 5);
  }
  await connection.frame("approve");
  connection.send(decided(6, false));
  expect(await decision).toMatchObject({ approved: false });
  connection.close(closeCodes.goingAway);
  const last = await setting.server.connection();
  await last.welcome();
  await answer(last, 6);
  expect(last.unread()).toEqual([]);
});

test.each(["CONFLICT", "APPROVAL_EXPIRED", "NOT_FOUND", "INVALID_FRAME", "OVERLOADED"])(
  "a decision that is refused with %s rejects, and is no error of the conversation",
  async (code) => {
    await using setting = await startAsked();
    const errors: unknown[] = [];
    setting.conversation.on("error", (error) => errors.push(error));
    const decision = setting.conversation.approve(call.call_id, true);
    await setting.connection.frame("approve");
    setting.connection.send(refusal(code));
    await expect(decision).rejects.toMatchObject({ code });
    expect(errors).toEqual([]);
  },
);

test("an older server's refusal, which does not say which call, is that of the first", async () => {
  await using setting = await startAsked();
  const decision = setting.conversation.approve(call.call_id, true);
  await setting.connection.frame("approve");
  setting.connection.send(frames.error("UNSUPPORTED", { frame: "approve", conversation_id: "c1" }));
  await expect(decision).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("somebody else's other decision rejects", async () => {
  await using setting = await startAsked();
  const decision = setting.conversation.approve(call.call_id, true);
  await setting.connection.frame("approve");
  setting.connection.send(decided(6, false), refusal("CONFLICT"));
  await expect(decision).rejects.toMatchObject({ code: "CONFLICT" });
});

test("two decisions on one call are one, or a contradiction", async () => {
  await using setting = await startAsked();
  const { conversation, connection } = setting;
  const [one, same] = [conversation.approve(call.call_id, true), conversation.approve(call.call_id, true)];
  await expect(conversation.approve(call.call_id, false)).rejects.toMatchObject({ code: "CONFLICT" });
  await connection.frame("approve");
  connection.send(decided(6, true));
  expect(await same).toEqual(await one);
  expect(connection.unread()).toEqual([]);
});

test("a turn that ends leaves nothing to decide", async () => {
  await using setting = await startAsked();
  const decision = setting.conversation.approve(call.call_id, true);
  await setting.connection.frame("approve");
  setting.connection.send(frames.complete(7, 9, ""));
  await expect(decision).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("who decides without looking begins to look, for the answer is an event", async () => {
  await using setting = await startReady();
  const { connection, client } = setting;
  const decision = client.conversation("c1").approve(call.call_id, true);
  await answer(connection, 1);
  await connection.frame("approve");
  connection.send(required(5), decided(6, true));
  expect(await decision).toMatchObject({ approved: true });
});

test("a client that is closed decides nothing any more", async () => {
  await using setting = await startAsked();
  const decision = setting.conversation.approve(call.call_id, true);
  await setting.connection.frame("approve");
  setting.client.close();
  await expect(decision).rejects.toThrow();
  await expect(setting.conversation.approve(call.call_id, true)).rejects.toThrow();
});

test("a decision that is refused leaves a cancel standing", async () => {
  await using setting = await startAsked();
  const { conversation, connection } = setting;
  const decision = conversation.approve(call.call_id, true);
  conversation.cancel("t1");
  await connection.frame("cancel");
  connection.send(refusal("NOT_FOUND"));
  await expect(decision).rejects.toMatchObject({ code: "NOT_FOUND" });
  connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("cancel")).toMatchObject({ turn_id: "t1" });
});

test("more decisions than a turn has calls are refused; to stop the turn is not", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  for (let nth = 0; nth < 64; nth++) conversation.approve(`t1-0-${nth}`, true).catch(() => undefined);
  await expect(conversation.approve("t1-0-64", true)).rejects.toMatchObject({ code: "QUEUE_FULL" });
  conversation.cancel("t1");
  const connection = await connect(setting);
  await answer(connection, 0);
  expect(await connection.frame("cancel")).toMatchObject({ turn_id: "t1" });
});
