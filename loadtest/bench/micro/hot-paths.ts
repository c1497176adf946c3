import { createHash } from "node:crypto";
import { nativeDialect } from "@parley/dialects";
import { decodeClientFrame, decodeEvent, encodeEvent, ServerFrame, withSeq, type StoredEvent } from "@parley/protocol";
import { foldEvent, createTurnFold } from "../../../services/agent-worker/src/turn-fold.ts";
import { deliveryLimits } from "../../../services/edge/src/delivery/delivery-limits.ts";
import { planCatchUp } from "../../../services/edge/src/hub/catch-up-plan.ts";
import { append, createRing, type Ring } from "../../../services/edge/src/hub/ring.ts";
import { visibleEventOf } from "../../../services/edge/src/hub/visible-event.ts";
import { createAnswerTimes, noteAsked } from "../../../services/edge/src/delivery/answer-times.ts";
import { createConnection } from "../../../services/edge/src/delivery/connection.ts";
import { createOutbox } from "../../../services/edge/src/delivery/outbox.ts";

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

const sink = { send: () => 1, getBufferedAmount: () => 0, cork: (send: () => void) => send(), end() {} };
/** Who asked for the turn: its answer is timed, so each of its tokens costs a little more than an onlooker's. */
function createAsker() {
  const asker = createConnection({ id: "c1", dialect: nativeDialect, openedMs: 0, credential: undefined });
  asker.ws = sink;
  noteAsked(asker, common, { sinceMs: performance.now() });
  return asker;
}

const answers = createAnswerTimes({ firstToken: { observe() {} }, ended() {} });
const outbox = createOutbox({ limits: deliveryLimits, counters: { frames: 0, sentBytes: 0, lagged: 0 }, answers });
const asker = createAsker();
const visibleToken = visibleEventOf(stored, turn, 0);

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
  {
    name: "send a token to who asked, 100 times",
    run() {
      let taken = 0;
      for (let i = 0; visibleToken !== undefined && i < 100; i++) if (outbox.sendEvent(asker, visibleToken)) taken++;
      return taken;
    },
  },
  { name: "plan a replay of 100 events", run: () => planCatchUp(ring, { cursor: 200, sure: Infinity }) },
  { name: "plan a snapshot of 300 events", run: () => planCatchUp(ring, { cursor: 0, sure: Infinity }) },
];
