import { createHash } from "node:crypto";
import { decodeClientFrame, decodeEvent, encodeEvent, ServerFrame, withSeq, type StoredEvent } from "@parley/protocol";
import { foldEvent, createTurnFold } from "../../../services/agent-worker/src/turn-fold.ts";
import { planCatchUp } from "../../../services/edge/src/hub/catch-up-plan.ts";
import { append, createRing, type Ring } from "../../../services/edge/src/hub/ring.ts";
import { visibleEventOf } from "../../../services/edge/src/hub/visible-event.ts";

/** Something done for every token, event or frame, in the smallest form that is still the real one. */
export interface HotPath {
  readonly name: string;
  run(): unknown;
}

const turn = createHash("sha256").update("turn").digest("hex").slice(0, 26);
const common = { conversation_id: "conversation-1", turn_id: turn, attempt: 1, ts: 1_750_000_000_000 };

function token(n: number): StoredEvent {
  return { type: "token", ...common, n, token: " some words of text" };
}

function message(): StoredEvent {
  const { conversation_id, turn_id, ts } = common;
  const author = { role: "user", id: "somebody" } as const;
  return {
    type: "message",
    conversation_id,
    turn_id,
    ts,
    message_id: `${turn}-u`,
    id: "m1",
    author,
    message: "Hello?",
  };
}

/** A turn in mid-answer, as a hub keeps it. */
function ringOf(events: readonly StoredEvent[]): Ring {
  const ring = createRing(0);
  events.forEach((event, index) => {
    const stored = { subject: "", seq: index + 1, previous: index, data: encodeEvent(event) };
    const visible = visibleEventOf(stored, turn, 0);
    if (visible !== undefined) append(ring, visible);
  });
  return ring;
}

const events = [message(), ...Array.from({ length: 300 }, (_, n) => token(n + 1))];
const oneToken = token(7);
const tokenBytes = encodeEvent(oneToken);
const tokenFrame = Buffer.from(withSeq(123_456, tokenBytes)).toString();
const stored = { subject: "", seq: 123_456, previous: 123_450, data: tokenBytes };
const messageText = JSON.stringify({ type: "message", id: "m1", conversation_id: "c1", message: "Which pods fail?" });
const ring = ringOf(events);

export const hotPaths: readonly HotPath[] = [
  { name: "encode a token event", run: () => encodeEvent(oneToken) },
  { name: "decode a token event", run: () => decodeEvent(tokenBytes) },
  { name: "splice the sequence into it", run: () => visibleEventOf(stored, turn, 0) },
  { name: "parse a client's message frame", run: () => decodeClientFrame(messageText) },
  { name: "parse a server's token frame", run: () => ServerFrame.parse(JSON.parse(tokenFrame)) },
  {
    name: "fold a turn of 300 tokens",
    run() {
      const fold = createTurnFold();
      events.forEach((event, index) => foldEvent(fold, index + 1, event));
      return fold.text.length;
    },
  },
  { name: "plan a replay of 100 events", run: () => planCatchUp(ring, 200) },
  { name: "plan a snapshot of 300 events", run: () => planCatchUp(ring, 0) },
];
