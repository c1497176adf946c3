// @vitest-environment happy-dom
import { createClient } from "@parley/client";
import { createView, type Handover } from "@parley/protocol/fold";
import { afterEach, expect, test } from "vitest";
import { GoneNote, HandoverNote } from "../../src/chat/handover-note.tsx";
import { closeRendered, rendered } from "../message/rendered.tsx";

afterEach(closeRendered);

/** A conversation of which nothing but that is known. */
function conversationIn(handover?: Handover) {
  const conversation = createClient({ url: "ws://test.invalid/ws/chat" }).conversation("c1");
  const view = { ...createView("c1"), ...(handover === undefined ? {} : { handover }) };
  return Object.defineProperty(conversation, "view", { get: () => view });
}

const taken: Handover = { n: 2, state: "taken", asked_at: 1, operator: { role: "operator", id: "o1", name: "Olga" } };
const shown = async (handover: Handover | undefined, userId: string | undefined) =>
  (await rendered(<HandoverNote conversation={conversationIn(handover)} userId={userId} />)).box.textContent;

test("where people are not known nobody is asked for by a button, but who answers is told", async () => {
  expect(await shown(undefined, undefined)).toBe("");
  expect(await shown(taken, undefined)).toBe("Olga answers here.Back to the assistant");
});

test("each sees what there is to do about it", async () => {
  expect(await shown(undefined, "u1")).toBe("Talk to a person");
  expect(await shown({ ...taken, state: "waiting" }, "u1")).toContain("Back to the assistant");
  expect(await shown(taken, "o1")).toBe("You answer here, in place of the assistant.Give back to the assistant");
  expect(await shown({ ...taken, state: "ended", ended: "nobody came" }, "u1")).toMatch(/^Nobody could come/);
});

test("who has it no more is told, and nobody else", async () => {
  const gone = async (userId: string | undefined) =>
    (await rendered(<GoneNote conversation={conversationIn(taken)} userId={userId} />)).box.textContent;
  expect(await gone("o1")).toMatch(/^You do not have this conversation any more/);
  expect([await gone("u1"), await gone(undefined)]).toEqual(["", ""]);
});
