import { startSystem, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ edges: 2 });
});
afterAll(() => system[Symbol.asyncDispose]());

it("shows the same events with the same seq on both edges", async () => {
  using here = await person(system.edges[0]!);
  using there = await person(system.edges[1]!);
  const chat = here.conversation();
  const seen = new Map<string, string[]>([
    ["here", []],
    ["there", []],
  ]);
  const follow = (place: string, conversation: typeof chat): void => {
    conversation.on("frame", (frame) => {
      if ("seq" in frame && "turn_id" in frame) seen.get(place)?.push(JSON.stringify(frame));
    });
  };
  const first = await chat.send("hello");
  await chat.untilEnd(first.turn_id);
  const other = there.conversation(chat.id);
  await other.subscribe();
  follow("here", chat);
  follow("there", other);
  const { turn_id } = await chat.send("again\n/sim tokens=30 rate=100");
  await Promise.all([chat.untilEnd(turn_id), other.untilEnd(turn_id)]);
  expect(seen.get("here")?.length).toBeGreaterThan(5);
  expect(seen.get("there")).toEqual(seen.get("here"));
});

it("lets a second device join in mid-answer: it has the text so far and goes on live", async () => {
  using phone = await person(system.edges[0]!);
  using laptop = await person(system.edges[1]!);
  const chat = phone.conversation();
  const { turn_id } = await chat.send("hello\n/sim tokens=80 rate=40");
  await expect.poll(() => shownTurn(chat.view, turn_id)?.text.length ?? 0).toBeGreaterThan(20);
  const joined = laptop.conversation(chat.id);
  expect(await joined.subscribe()).toMatchObject({ mode: "snapshot" });
  const [one, other] = await Promise.all([chat.untilEnd(turn_id), joined.untilEnd(turn_id)]);
  expect(other.response).toBe(one.response);
  expect(shownTurn(joined.view, turn_id)?.text).toBe(one.response);
});

it("refuses a conversation of somebody else", async () => {
  using anna = await person(system.edges[0]!, "anna");
  using bert = await person(system.edges[0]!, "bert");
  const chat = anna.conversation();
  await chat.send("my secret");
  await expect(bert.conversation(chat.id).subscribe()).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(bert.conversation(chat.id).send("hello")).rejects.toMatchObject({ code: "FORBIDDEN" });
});
