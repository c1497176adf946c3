import {
  decodeEvent,
  messageIdOf,
  messageOfPost,
  postOutcome,
  type ConnectionFrame,
  type SnapshotFrame,
  type TranscriptMessage,
} from "@parley/protocol";
import { wireSeqOf } from "./frame-bytes.ts";
import type { VisibleEvent } from "./visible-event.ts";

/**
 * Messages between people for clients that do not know them (docs/adr/0029): turns with the post's id that have ended without text, as those to a person of the staff. Here,
 * before any dialect says it, so none has to know.
 */

/** They live as long as what they were made of. */
const ofEvents = new WeakMap<VisibleEvent, readonly VisibleEvent[]>();
const ofFrames = new WeakMap<SnapshotFrame, SnapshotFrame>();

/** What such a client gets in place of an event: of a post the message, at the sequence below it, and its end. */
export function withoutPost(event: VisibleEvent): readonly VisibleEvent[] {
  let events = ofEvents.get(event);
  if (events === undefined) ofEvents.set(event, (events = turnOf(event)));
  return events;
}

function turnOf(event: VisibleEvent): readonly VisibleEvent[] {
  const post = decodeEvent(event.frame);
  if (post.type !== "post") return [];
  const wireSeq = Number(wireSeqOf(event.frame));
  const { turn_id: turn, conversation_id, ts } = post;
  const end = { ...postOutcome(turn), conversation_id, turn_id: turn, ts, attempt: 1, n: 0 };
  return [
    { seq: event.seq - 1, turn, type: "message", frame: frameOf(wireSeq - 1, messageOfPost(post)) },
    { seq: event.seq, turn, type: "complete", frame: frameOf(wireSeq, end) },
  ];
}

function frameOf(seq: number, event: object): Buffer {
  return Buffer.from(JSON.stringify({ seq, ...event }));
}

/** The same of a snapshot: each post has an answer without text. */
export function frameWithoutPosts(frame: ConnectionFrame): ConnectionFrame {
  if (frame.type !== "snapshot" || frame.messages?.some(isPost) !== true) return frame;
  let plain = ofFrames.get(frame);
  if (plain === undefined) ofFrames.set(frame, (plain = { ...frame, messages: frame.messages.flatMap(asTurn) }));
  return plain;
}

function isPost({ post }: Pick<TranscriptMessage, "post">): boolean {
  return post !== undefined;
}

function asTurn(message: TranscriptMessage): TranscriptMessage[] {
  const { post, after: _after, ...question } = message;
  if (post === undefined) return [message];
  const { turn_id, ts } = question;
  const { tool_calls, usage } = postOutcome(turn_id);
  const message_id = messageIdOf(turn_id, "assistant");
  const answer = { message_id, turn_id, author: { role: "assistant" }, message: "", status: "complete", ts };
  return [question, { ...answer, tool_calls, usage, metadata: { posted: true } }];
}
