import type { MessageView } from "@parley/protocol/fold";
import type { MessageExtra } from "../message/room.ts";
import { startOfDay } from "../words/days.ts";
import { isSameExtra } from "./extras-of.ts";

/** What was sent here and is not in the view yet. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  /** As they were given when it was sent. */
  readonly files?: readonly object[] | undefined;
  readonly status: "sending" | "failed";
  readonly error?: unknown;
}

/** One line of the list: a message, the day that begins above it, or what is on its way. */
export type Row =
  | { readonly kind: "day"; readonly key: string; readonly ts: number }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: MessageView;
      readonly extra?: MessageExtra | undefined;
    }
  /** Above the first message of others that had not been read when somebody came. */
  | { readonly kind: "new"; readonly key: string }
  | { readonly kind: "outgoing"; readonly key: string; readonly outgoing: Outgoing }
  | { readonly kind: "pending"; readonly key: string };

interface RowsOf {
  readonly older: readonly MessageView[];
  readonly messages: readonly MessageView[];
  readonly outgoing: readonly Outgoing[];
  /** Messages of these turns stand in the list of what waits instead. */
  readonly waiting: ReadonlySet<string>;
  /** The turn that is next, and that nobody has begun to answer. */
  readonly next: string | undefined;
  /** By the ids of messages. */
  readonly extras?: ReadonlyMap<string, MessageExtra> | undefined;
  /** The first message that had not been read. */
  readonly unreadFrom?: string | undefined;
}

/** All rows in their order. What has not changed is the same object as before, so that its row is not drawn again. */
export function rowsOf({ older, messages, outgoing, waiting, next, extras, unreadFrom }: RowsOf): Row[] {
  const rows: Row[] = [];
  let nextDay = Number.NEGATIVE_INFINITY;
  for (const list of [older, messages]) {
    for (const message of list) {
      if (waiting.has(message.turn_id) || isUnanswered(message)) continue;
      const { ts } = message;
      // Times of different servers: an earlier day behind a later one begins no day again.
      const end = ts === undefined || ts < nextDay ? Number.NaN : startOfDay(ts, 1);
      if (ts !== undefined && Number.isFinite(end)) {
        rows.push({ kind: "day", key: `d-${ts}`, ts });
        nextDay = end;
      }
      if (message.message_id === unreadFrom) rows.push({ kind: "new", key: "new" });
      rows.push(messageRow(message, extras?.get(message.message_id)));
    }
  }
  return [...rows, ...rowsUnderWay(outgoing, next)];
}

/** What was sent here, or else that the last message has no answer yet. */
function rowsUnderWay(outgoing: readonly Outgoing[], next: string | undefined): Row[] {
  if (next !== undefined && outgoing.length === 0) return [{ kind: "pending", key: `p-${next}` }];
  return outgoing.map((one) => ({ kind: "outgoing", key: one.id, outgoing: one }));
}

/** No agent answered, because a person does: there is nothing to be shown in its place. */
function isUnanswered({ author, parts, outcome }: MessageView): boolean {
  const isHandedOver = outcome?.type === "complete" && outcome.metadata.handover !== undefined;
  return isHandedOver && author.role === "assistant" && parts.length === 0;
}

const ofMessages = new WeakMap<MessageView, Row>();

function messageRow(message: MessageView, extra: MessageExtra | undefined): Row {
  let row = ofMessages.get(message);
  if (row?.kind !== "message" || !isSameExtra(row.extra, extra)) {
    row = { kind: "message", key: message.message_id, message, extra };
    ofMessages.set(message, row);
  }
  return row;
}
