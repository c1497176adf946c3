import {
  feedbackBy,
  jsonBytes,
  type Feedback,
  type FeedbackEntry,
  type SnapshotFrame,
  type TranscriptMessage,
} from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";

export type FeedbackFrames = (frame: SnapshotFrame, userId: string | undefined) => SnapshotFrame;

/**
 * A snapshot with what the viewer's user has said of its answers; made once for each user who has said something. The tail of the transcript is as long as
 * `snapshotBytes` lets it be: where comments would make it longer, the ratings go without them, and the transcript over HTTP has all.
 */
export function createFeedbackFrames(entries: readonly FeedbackEntry[]): FeedbackFrames {
  const made = new WeakMap<SnapshotFrame, Map<string, SnapshotFrame>>();
  return (frame, userId) => {
    if (entries.length === 0 || userId === undefined) return frame;
    let ofUsers = made.get(frame);
    if (ofUsers === undefined) made.set(frame, (ofUsers = new Map<string, SnapshotFrame>()));
    let own = ofUsers.get(userId);
    if (own === undefined) ofUsers.set(userId, (own = snapshotWith(frame, entries, userId)));
    return own;
  };
}

function snapshotWith(frame: SnapshotFrame, entries: readonly FeedbackEntry[], userId: string): SnapshotFrame {
  const said = feedbackBy(entries, userId);
  const { messages, parts = [] } = frame;
  if (said.size === 0 || messages === undefined) return frame;
  const whole = withOwn(messages, said);
  if (jsonBytes(whole) + jsonBytes(parts) <= deliveryLimits.snapshotBytes) return { ...frame, messages: whole };
  const ratings = new Map([...said].map(([id, { rating }]) => [id, { rating }]));
  return { ...frame, messages: withOwn(messages, ratings) };
}

function withOwn(messages: readonly TranscriptMessage[], said: ReadonlyMap<string, Feedback>): TranscriptMessage[] {
  return messages.map((message) => {
    const feedback = said.get(message.message_id);
    return feedback === undefined ? message : { ...message, feedback };
  });
}
