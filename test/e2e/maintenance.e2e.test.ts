import { pendingApprovals } from "@parley/protocol";
import { eventually, startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

type Chat = ReturnType<Awaited<ReturnType<typeof person>>["conversation"]>;

let system: System;

beforeAll(async () => {
  system = await startSystem({ env: { "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" } } });
}, 60_000);

afterAll(() => system[Symbol.asyncDispose]());

/** Says it, decides as it is asked, and gives the answer. */
async function say(
  chat: Chat,
  message: string,
  agreed?: boolean,
): Promise<{ text: string; asked: string | undefined }> {
  const { turn_id } = await chat.send(message);
  let asked: string | undefined;
  if (agreed !== undefined) {
    await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
    const [pending] = pendingApprovals(chat.view);
    asked = pending?.call.approval?.summary;
    await chat.approve(pending!.call.call_id, agreed);
  }
  const end = await chat.untilEnd(turn_id);
  if (end.type !== "complete") throw new Error(JSON.stringify(end));
  return { text: end.response, asked };
}

it("P11: somebody books in their own words, agrees, sees it, and takes it back", { timeout: 90_000 }, async () => {
  using anna = await person(system.edges[0]!, "anna");
  const chat = anna.conversation();
  const booked = await say(chat, "Book the brake service on Tuesday morning", true);
  expect(booked.asked).toMatch(
    /^Books Brake service on Tuesday [\d-]+ at \d\d:\d\d for Aurora 2 at Aurora workshop\.$/,
  );
  expect(booked.text).toMatch(
    /Booked: Tuesday [\d-]+ \d\d:\d\d: Brake service, 90 minutes, Aurora 2, 239 EUR, booking B-[0-9A-Z]{8}\./,
  );
  const id = /B-[0-9A-Z]{8}/.exec(booked.text)?.[0] ?? "?";
  expect((await say(chat, "Which appointments do I have?")).text).toContain(id);

  using ben = await person(system.edges[0]!, "ben");
  expect((await say(ben.conversation(), "Which appointments do I have?")).text).toContain("There are no appointments");

  const cancelled = await say(chat, "cancel my booking", true);
  expect(cancelled.text).toContain(`Cancelled: ${id}`);
  expect((await say(chat, "Which appointments do I have?")).text).toContain("There are no appointments");
});

it("P11: what somebody does not agree to is not booked", { timeout: 60_000 }, async () => {
  using cleo = await person(system.edges[0]!, "cleo");
  const chat = cleo.conversation();
  const denied = await say(chat, "Please book an oil change on Wednesday afternoon", false);
  expect(denied.text).toContain("Denied by cleo.");
  expect((await say(chat, "Which appointments do I have?")).text).toContain("There are no appointments");
});

it("a guided diagnosis goes from question to advice over turns", { timeout: 60_000 }, async () => {
  using dora = await person(system.edges[0]!, "dora");
  const chat = dora.conversation();
  expect((await say(chat, "A warning light is on in my car")).text).toContain("What colour is the light");
  expect((await say(chat, "It is red")).text).toContain("Which sign does it show?");
  const advice = (await say(chat, "1")).text;
  expect(advice).toMatch(/Stop driving[^]*The oil pressure is too low[^]*Call the breakdown service/);
});

it("a danger is answered with the fixed warning before anything else", { timeout: 60_000 }, async () => {
  using emil = await person(system.edges[0]!, "emil");
  for (const [message, warning] of [
    ["It smells of fuel in my car", "**Warning: danger of fire and explosion.**"],
    ["Die Bremsen funktionieren nicht mehr", "**Warnung: Fahren Sie nicht weiter.**"],
  ] as const) {
    const { text } = await say(emil.conversation(), message);
    expect(text.startsWith(warning)).toBe(true);
    expect(text.split(warning)).toHaveLength(2);
  }
});
