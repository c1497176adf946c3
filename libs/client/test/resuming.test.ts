import { shownTurn } from "@parley/testkit";
import { expect, test } from "vitest";
import { closeCodes, textOf } from "@parley/protocol";
import { frames, leave, startReady, type Setting } from "./fixtures.ts";
import type { ServerConnection } from "./scripted-server.ts";

/** Loses the connection and gives back the next one. */
async function reconnect(setting: Setting, connection: ServerConnection): Promise<ServerConnection> {
  connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  return next;
}

function changed(setting: Setting, seq: number): Promise<void> {
  const { on } = setting.client.conversation("c1");
  return new Promise((resolve) => {
    const off = on("change", (view) => {
      if (view.seq < seq) return;
      off();
      resolve();
    });
  });
}

test("folds the frames of a conversation into its view", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const subscribed = conversation.subscribe();
  expect(await setting.connection.frame("subscribe")).toEqual({ type: "subscribe", conversation_id: "c1" });
  setting.connection.send(
    frames.subscribed(10),
    frames.token(11, 1, "Hel"),
    frames.token(14, 2, "lo"),
    frames.complete(15, 4, "Hello"),
  );
  expect(await subscribed).toMatchObject({ mode: "replay", seq: 10 });
  expect(await conversation.untilEnd("t1")).toMatchObject({ type: "complete", response: "Hello" });
  expect(shownTurn(conversation.view, "t1")).toMatchObject({ text: "Hello", status: "complete" });
  expect(await conversation.untilEnd("t1")).toMatchObject({ response: "Hello" });
});

test("asks after a lost connection for what follows its cursor", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 11);
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"));
  await change;
  const second = await reconnect(setting, setting.connection);
  expect(await second.frame("subscribe")).toEqual({ type: "subscribe", conversation_id: "c1", after: 11 });
  second.send(frames.subscribed(11), frames.token(14, 2, "lo"), frames.complete(15, 3, "Hello"));
  expect(await conversation.untilEnd("t1")).toMatchObject({ response: "Hello" });
  expect(shownTurn(conversation.view, "t1")?.text).toBe("Hello");
});

test("subscribes before it sends a message again, so that nothing comes twice", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 11);
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"));
  await change;
  void conversation.send("more", { id: "m2" }).catch(() => undefined);
  const second = await reconnect(setting, setting.connection);
  await second.frame("subscribe");
  expect(second.unread()).toEqual([]);
  second.send(frames.subscribed(11));
  expect(await second.frame("message")).toMatchObject({ id: "m2" });
});

test("does not subscribe to a conversation of which the server may know nothing", async () => {
  await using setting = await startReady();
  void setting.client
    .conversation("c1")
    .send("hi", { id: "m1" })
    .catch(() => undefined);
  await setting.connection.frame("message");
  const second = await reconnect(setting, setting.connection);
  await second.frame("message");
  expect(second.unread()).toEqual([]);
});

test("subscribes again to a conversation that only a message attached", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  await setting.connection.frame("message");
  setting.connection.send(frames.accepted("m1"));
  await sent;
  const second = await reconnect(setting, setting.connection);
  expect(await second.frame("subscribe")).toEqual({ type: "subscribe", conversation_id: "c1" });
});

test("tries a subscribe again that was refused for the moment", async () => {
  await using setting = await startReady();
  const subscribed = setting.client.conversation("c1").subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.error("RATE_LIMITED", { conversation_id: "c1", retryable: true, retry_after_ms: 3 }));
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(1));
  await subscribed;
});

test("asks for no further conversation while those before it are told to wait", async () => {
  await using setting = await startReady();
  for (let i = 0; i < 6; i++) leave(setting.client.conversation(`c${i}`).subscribe());
  const second = await reconnect(setting, setting.connection);
  for (let i = 0; i < 4; i++) {
    const { conversation_id } = await second.frame("subscribe");
    second.send(frames.error("RATE_LIMITED", { conversation_id, retryable: true, retry_after_ms: 60_000 }));
  }
  const last = setting.client.conversation("c9").subscribe();
  expect(await second.frame("subscribe")).toMatchObject({ conversation_id: "c9" });
  second.send({ ...frames.subscribed(1), conversation_id: "c9" });
  await last;
  leave(setting.client.conversation("c8").subscribe());
  expect(await second.frame("subscribe")).toMatchObject({ conversation_id: "c8" });
});

test("rejects a subscribe that was refused for good, and does not repeat it", async () => {
  await using setting = await startReady();
  const subscribed = setting.client.conversation("c1").subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.error("FORBIDDEN", { conversation_id: "c1" }));
  await expect(subscribed).rejects.toMatchObject({ code: "FORBIDDEN" });
  const second = await reconnect(setting, setting.connection);
  setting.client.conversation("c2").cancel("t9");
  await second.frame("cancel");
  expect(second.unread()).toEqual([]);
});

test("does not take the answer to a cancel for that of a subscribe", async () => {
  await using setting = await startReady();
  const subscribed = setting.client.conversation("c1").subscribe();
  await setting.connection.frame("subscribe");
  const refusal = frames.error("NOT_FOUND", { conversation_id: "c1", frame: "cancel" });
  setting.connection.send(refusal, frames.subscribed(1));
  expect(await subscribed).toMatchObject({ seq: 1 });
});

test("does not take the answer to a message that was given up for that of a subscribe", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const signal = AbortSignal.abort();
  await expect(conversation.send("hi", { id: "m1", signal })).rejects.toThrow();
  const subscribed = conversation.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.error("FORBIDDEN", { conversation_id: "c1", id: "m1" }), frames.subscribed(1));
  expect(await subscribed).toMatchObject({ seq: 1 });
});

test("subscribes again although the answer to a subscription that was left comes late", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  conversation.subscribe().catch(() => {});
  await setting.connection.frame("subscribe");
  conversation.unsubscribe();
  await setting.connection.frame("unsubscribe");
  const late = changed(setting, 11);
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"));
  await late;
  const subscribed = conversation.subscribe();
  expect(await setting.connection.frame("subscribe")).toMatchObject({ after: 11 });
  setting.connection.send(frames.subscribed(11));
  expect(await subscribed).toMatchObject({ seq: 11 });
});

test("subscribes again although a message that was sent before it left is accepted after it", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const first = conversation.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(10));
  await first;
  const sent = conversation.send("hi", { id: "m1" });
  await setting.connection.frame("message");
  conversation.unsubscribe();
  await setting.connection.frame("unsubscribe");
  setting.connection.send(frames.accepted("m1"));
  await sent;
  const again = conversation.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(10));
  expect(await again).toMatchObject({ seq: 10 });
});

test("finds nothing wrong with being told all from a message on that it sends again after it left", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const violations: unknown[] = [];
  conversation.on("violation", (violation) => violations.push(violation));
  const first = conversation.subscribe();
  await setting.connection.frame("subscribe");
  const events = [frames.token(11, 1, "Hel"), frames.token(14, 2, "lo")];
  const told = changed(setting, 14);
  setting.connection.send(frames.subscribed(10), ...events);
  await Promise.all([first, told]);
  conversation.unsubscribe();
  const second = await reconnect(setting, setting.connection);
  const sent = conversation.send("hi", { id: "m1" });
  await second.frame("message");
  const ended = changed(setting, 15);
  second.send(frames.accepted("m1"), ...events, frames.complete(15, 4, "Hello"));
  await Promise.all([sent, ended]);
  expect(violations).toEqual([]);
});

test("finds nothing wrong with an event that was on its way when it subscribed again", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const violations: unknown[] = [];
  conversation.on("violation", (violation) => violations.push(violation));
  const first = conversation.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"));
  await first;
  conversation.unsubscribe();
  const again = conversation.subscribe();
  const told = changed(setting, 15);
  const end = [frames.token(14, 2, "lo"), frames.complete(15, 4, "Hello")];
  setting.connection.send(...end, frames.subscribed(11), ...end);
  await Promise.all([again, told]);
  expect(violations).toEqual([]);
  const twice = new Promise((resolve) => conversation.on("violation", resolve));
  setting.connection.send(...end);
  expect(await twice).toMatchObject({ kind: "repeat" });
});

test("resumes a few conversations at a time", async () => {
  await using setting = await startReady();
  for (let i = 0; i < 10; i++) {
    void setting.client.conversation(`c${i}`).subscribe();
    await setting.connection.frame("subscribe");
    setting.connection.send(frames.subscribed(1, `c${i}`));
  }
  const second = await reconnect(setting, setting.connection);
  const resumed = [];
  for (let i = 0; i < 10; i++) {
    resumed.push((await second.frame("subscribe")).conversation_id);
    expect(second.unread().length).toBeLessThan(4);
    second.send(frames.subscribed(1, `c${i}`));
  }
  expect(resumed.toSorted()).toEqual(["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"]);
});

test("unsubscribes, and stays so on the next connection", async () => {
  await using setting = await startReady();
  const [one, two] = [setting.client.conversation("c1"), setting.client.conversation("c2")];
  const both = [one.subscribe(), two.subscribe()];
  setting.connection.send(frames.subscribed(1, "c1"), frames.subscribed(1, "c2"));
  await Promise.all(both);
  setting.client.release(one);
  expect(await setting.connection.frame("unsubscribe")).toEqual({ type: "unsubscribe", conversation_id: "c1" });
  const second = await reconnect(setting, setting.connection);
  expect(await second.frame("subscribe")).toMatchObject({ conversation_id: "c2" });
  expect(second.unread()).toEqual([]);
});

test("cancels the turn that runs", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const change = changed(setting, 11);
  setting.connection.send(frames.token(11, 1, "Hel"));
  await change;
  conversation.cancel();
  expect(await setting.connection.frame("cancel")).toEqual({ type: "cancel", conversation_id: "c1", turn_id: "t1" });
});

test("sends a cancel again on a new connection until the turn has ended", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  conversation.cancel("t1");
  await setting.connection.frame("cancel");
  const second = await reconnect(setting, setting.connection);
  expect(await second.frame("cancel")).toMatchObject({ turn_id: "t1" });
  second.send(frames.complete(12, 1, ""));
  await conversation.untilEnd("t1");
  const third = await reconnect(setting, second);
  conversation.cancel("t2");
  expect(await third.frame("cancel")).toMatchObject({ turn_id: "t2" });
});

test("reports an error that nothing waits for", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const error = new Promise((resolve) => conversation.on("error", resolve));
  conversation.cancel();
  await setting.connection.frame("cancel");
  setting.connection.send(frames.error("NOT_FOUND", { conversation_id: "c1" }));
  expect(await error).toMatchObject({ code: "NOT_FOUND" });
});

test("begins its view anew when the server does not know its cursor", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 1_000);
  setting.connection.send(frames.subscribed(999), frames.token(1_000, 1, "of another log"));
  await change;
  const end = conversation.untilEnd("t2");
  const next = await reconnect(setting, setting.connection);
  expect(await next.frame("subscribe")).toMatchObject({ after: 1_000 });
  const message = { message_id: "t2-a", turn_id: "t2", author: { role: "assistant" }, message: "done", ts: 0 };
  const transcript = { ...frames.snapshot(20, ""), messages: [{ ...message, status: "complete" }] };
  const { turn_id: _, attempt: __, text: ___, tool_calls: ____, ...idle } = { ...transcript, status: "idle" };
  const violations: unknown[] = [];
  setting.client.on("violation", (violation) => violations.push(violation));
  next.send({ ...frames.subscribed(19), mode: "snapshot" }, idle, frames.token(21, 1, "new"));
  expect(await end).toMatchObject({ type: "complete", response: "done" });
  await expect.poll(() => conversation.view.seq).toBe(21);
  expect(conversation.view.turns.map((turn) => [turn.turn_id, textOf(turn)])).toEqual([
    ["t2", "done"],
    ["t1", "new"],
  ]);
  expect(violations).toEqual([]);
});

test.each([
  ["it begins anew", 19],
  ["the server gives it the whole, unasked", 0],
])("asks for the whole again when it is cut after it was told that %s", async (_what, seq) => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 1_000);
  setting.connection.send(frames.subscribed(999), frames.token(1_000, 1, "of another log"));
  await change;
  const end = conversation.untilEnd("t2");
  let told = setting.connection;
  if (seq > 0) {
    told = await reconnect(setting, told);
    await told.frame("subscribe");
  }
  told.send({ ...frames.subscribed(seq), mode: "snapshot" });
  await expect.poll(() => conversation.view.seq).toBe(0);
  const next = await reconnect(setting, told);
  expect(await next.frame("subscribe")).toEqual({ type: "subscribe", conversation_id: "c1" });
  const message = { message_id: "t2-a", turn_id: "t2", author: { role: "assistant" }, message: "done", ts: 0 };
  const transcript = { ...frames.snapshot(20, ""), messages: [{ ...message, status: "complete" }] };
  const { turn_id: _, attempt: __, text: ___, tool_calls: ____, ...idle } = { ...transcript, status: "idle" };
  next.send({ ...frames.subscribed(0), mode: "snapshot" }, idle);
  expect(await end).toMatchObject({ type: "complete", response: "done" });
});

test("keeps its view until the server has answered, and when it is told again what it has", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 11);
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "a"));
  await change;
  const next = await reconnect(setting, setting.connection);
  await next.frame("subscribe");
  expect(shownTurn(conversation.view, "t1")?.text).toBe("a");
  const later = changed(setting, 12);
  // A message was accepted while it asked, so the server had begun to send already.
  next.send(frames.token(12, 2, "b"), frames.subscribed(11), frames.token(12, 2, "b"), frames.token(13, 3, "c"));
  await later;
  await expect.poll(() => shownTurn(conversation.view, "t1")?.text).toBe("abc");
});

test("drops what it has of a conversation that was deleted, and takes what begins anew", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const change = changed(setting, 11);
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"));
  await change;
  const told = new Promise((resolve) => conversation.on("error", resolve));
  const [gone, kept] = [conversation.untilEnd("t1"), conversation.untilEnd("t2")];
  setting.connection.send(frames.error("NOT_FOUND", { frame: "delete", conversation_id: "c1" }));
  await expect(gone).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await told).toMatchObject({ code: "NOT_FOUND" });
  expect(shownTurn(conversation.view, "t1")).toBeUndefined();
  expect(conversation.view.transcript).toEqual([]);

  // It looks on.
  setting.connection.send({ ...frames.complete(20, 1, "anew"), turn_id: "t2" });
  expect(await kept).toMatchObject({ response: "anew" });
});

test("asks for all there is when the connection is lost after the deletion", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  void conversation.subscribe();
  await setting.connection.frame("subscribe");
  const told = new Promise((resolve) => conversation.on("error", resolve));
  const deleted = frames.error("NOT_FOUND", { frame: "delete", conversation_id: "c1" });
  setting.connection.send(frames.subscribed(10), frames.token(11, 1, "Hel"), deleted);
  await told;
  const second = await reconnect(setting, setting.connection);
  expect(await second.frame("subscribe")).toEqual({ type: "subscribe", conversation_id: "c1" });
});
