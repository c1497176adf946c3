import { it } from "vitest";
import { expectCaught, withFault } from "./planted/with-fault.ts";
import { agentsFrozen } from "./scenarios/agents.ts";
import { eventsForgotten } from "./scenarios/brokers.ts";
import { calm, manyDevices } from "./scenarios/clients.ts";
import { dialects } from "./scenarios/dialects.ts";
import { rooms } from "./scenarios/rooms.ts";
import { waits } from "./scenarios/waits.ts";

const timeout = 240_000;
const quietRooms = { ...rooms, faults: () => [] };

it("catches an edge that drops an event", { timeout }, async () => {
  await expectCaught(withFault(calm, "edge", "edge drops events"), "P2");
});

it("catches an edge whose snapshots say all, in another order", { timeout }, async () => {
  // Most devices join in the middle of an answer that has called a tool.
  const prompts = { "read tool": 1, "two tools": 1 };
  const joining = { ...manyDevices, workload: { ...manyDevices.workload, prompts } };
  await expectCaught(withFault(joining, "edge", "edge puts calls behind the text"), "P2");
});

it("catches an agent worker that appends without expectation", { timeout }, async () => {
  // Frozen in mid-answer, and for longer than it takes another worker to go on with the turn.
  const long = { ...agentsFrozen, workload: { ...agentsFrozen.workload, prompts: { long: 1 }, cancels: 0 } };
  await expectCaught(withFault(long, "agent", "agent appends without expectation"), "P3");
});

it("catches a tool that runs twice also where all events are forgotten", { timeout }, async () => {
  await expectCaught(withFault(eventsForgotten, "tool", "tool runs twice"), "P5");
});

it("catches a tool that runs without a person's word", { timeout }, async () => {
  await expectCaught(withFault(waits, "tool", "tool worker asks nobody"), "P11");
});

it("catches an edge that takes the word of strangers", { timeout }, async () => {
  await expectCaught(withFault(waits, "edge", "edge lets strangers decide"), "P11");
});

it("catches an edge that tells another decision than the one that counts", { timeout }, async () => {
  await expectCaught(withFault(waits, "edge", "edge tells the wrong decision"), "P11");
});

it("catches agent workers that nobody's decision brings back", { timeout }, async () => {
  await expectCaught(withFault(waits, "agent", "agent wakes nobody"), "P11");
});

it("catches dialects that say something twice", { timeout }, async () => {
  await expectCaught(withFault(dialects, "edge", "dialects say something twice"), "P2", 10);
});

it("catches an edge that stores a message between people twice", { timeout }, async () => {
  await expectCaught(withFault(quietRooms, "edge", "edge stores repeats of posts"), "P1", 1);
});

it("catches an edge that shows a removed member what comes after", { timeout }, async () => {
  await expectCaught(withFault(quietRooms, "edge", "edge sends nobody away"), "P9", 1);
});

it("catches a tool that runs twice", { timeout }, async () => {
  await expectCaught(withFault(calm, "tool", "tool runs twice"), "P5");
});
