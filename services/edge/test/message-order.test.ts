import { expect, it } from "vitest";
import { nativeDialect } from "@parley/dialects";
import { inOrder, type Aside } from "../src/commands/message-order.ts";
import { createConnection } from "../src/delivery/connection.ts";

/** A connection, and what happens on it. */
function open() {
  const connection = createConnection({ id: "c", dialect: nativeDialect, openedMs: 0, credential: undefined });
  const log: string[] = [];
  const rooms = new Map<string, () => void>();
  /** As the inbox does where nothing else comes. */
  const aside: Aside = (wait) => wait;
  /** A message that finds its queue full, until there is room. */
  const interrupt = (id: string, conversation: string) =>
    inOrder(connection, conversation, aside, async (step) => {
      log.push(`${id} waits`);
      await step(new Promise((resolve) => rooms.set(id, resolve)));
      log.push(`${id} done`);
    });
  const message = (id: string, conversation?: string) =>
    inOrder(connection, conversation, aside, async () => void log.push(`${id} done`));
  return { connection, log, rooms, interrupt, message };
}

it("a message stays behind an earlier one of its conversation that stepped aside, and before nobody else's", async () => {
  const { connection, log, rooms, interrupt, message } = open();
  const [first, second, third] = [interrupt("one", "a"), message("two", "a"), message("three", "a")];
  await Promise.all([message("other", "b"), message("new")]);
  expect(log).toEqual(["one waits", "other done", "new done"]);
  rooms.get("one")?.();
  await Promise.all([first, second, third]);
  expect(log.slice(3)).toEqual(["one done", "two done", "three done"]);
  expect([connection.asideCount, connection.aside?.size]).toEqual([0, 0]);
});

it("one that is refused lets those behind it go on", async () => {
  const { connection, log, message } = open();
  let refuse = (_reason: Error): void => {};
  const refused = inOrder(
    connection,
    "a",
    (wait) => wait,
    (step) => step(new Promise((_, reject) => (refuse = reject))),
  );
  const behind = message("two", "a");
  refuse(new Error("refused"));
  await expect(refused).rejects.toThrow("refused");
  await behind;
  expect(log).toEqual(["two done"]);
  expect(connection.asideCount).toBe(0);
});

it("P7: eight may be aside; what would have to wait behind one of them then is refused", async () => {
  const { connection, rooms, interrupt, message } = open();
  const ids = Array.from({ length: 9 }, (_, i) => `m${i}`);
  const all = ids.map((id) => interrupt(id, `c-${id}`));
  expect(connection.asideCount).toBe(8);
  await expect(message("late", "c-m0")).rejects.toMatchObject({ code: "QUEUE_FULL", retryable: true });
  for (const go of rooms.values()) go();
  await Promise.all(all);
  expect(connection.asideCount).toBe(0);
});
