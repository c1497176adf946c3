import { jsonBytes, type FeedbackEntry, type SnapshotFrame, type TranscriptMessage } from "@parley/protocol";
import { expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createFeedbackFrames } from "../src/hub/own-feedback.ts";

function answer(id: string, text: string): TranscriptMessage {
  return { turn_id: id, ts: 1, message_id: id, author: { role: "assistant" }, message: text, status: "complete" };
}

function frameOf(messages: TranscriptMessage[]): SnapshotFrame {
  return { type: "snapshot", conversation_id: "c", seq: 1, messages, status: "idle", ts: 1 };
}

function entry(id: string, comment: string, user_id = "mira"): FeedbackEntry {
  return { message_id: id, turn_id: id, user_id, rating: "up", comment, changes: 1, ts: 1 };
}

it("shows a viewer what they have said, and nothing of others", () => {
  const own = createFeedbackFrames([entry("a", "good"), entry("b", "of somebody else", "noor")]);
  const { messages } = own(frameOf([answer("a", "x"), answer("b", "y")]), "mira");
  expect(messages?.map(({ feedback }) => feedback)).toEqual([{ rating: "up", comment: "good" }, undefined]);
});

it("never makes a snapshot much larger than it may be: then the ratings go without the comments", () => {
  const text = "x".repeat(deliveryLimits.snapshotBytes / 25 - 200);
  const messages = Array.from({ length: 25 }, (_, at) => answer(`t${at}`, text));
  const said = messages.map(({ message_id }) => entry(message_id, "c".repeat(2_000)));
  const frame = createFeedbackFrames(said)(frameOf(messages), "mira");
  expect(frame.messages?.map(({ feedback }) => feedback)).toEqual(messages.map(() => ({ rating: "up" })));
  expect(jsonBytes(frame.messages ?? [])).toBeLessThan(deliveryLimits.snapshotBytes + 2_048);
});
