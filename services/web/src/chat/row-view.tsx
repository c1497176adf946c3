import type { MessageView } from "@parley/protocol/fold";
import { memo } from "react";
import { Message } from "../message/message.tsx";
import type { MessageExtra } from "../message/room.ts";
import { useNow } from "../ui/use-now.ts";
import { Boundary } from "../ui/boundary.tsx";
import { startOfDay } from "../words/days.ts";
import { useWords } from "../words/use-words.ts";
import { useRevision } from "./branch-actions.tsx";
import { MessageActions } from "./message-actions.tsx";
import { OutgoingMessage } from "./outgoing-message.tsx";
import { useTextEditor } from "./room-actions.tsx";
import type { Row } from "./rows.ts";

interface RowViewProps {
  readonly conversationId: string;
  readonly row: Row;
  /** The last answer may be asked for again. */
  readonly isLast: boolean;
}

/** One row. Messages keep their objects while nothing of them changes, and then nothing is drawn. */
export const RowView = memo(
  function RowView({ conversationId, row, isLast }: RowViewProps) {
    switch (row.kind) {
      case "day":
        return <Day ts={row.ts} />;
      case "outgoing":
        return <OutgoingMessage conversationId={conversationId} outgoing={row.outgoing} />;
      case "pending":
        return <Pending />;
      case "new":
        return <NewHere />;
      case "message":
        return (
          <div className={classesOf(row, isLast)} data-message={row.key}>
            {/* One message that cannot be shown must not take all others with it. Its end is another try. */}
            <Boundary place={`${row.message.message_id} ${row.message.status}`} failure={<Unshown />}>
              <ShownMessage conversationId={conversationId} message={row.message} extra={row.extra} isLast={isLast} />
            </Boundary>
          </div>
        );
    }
  },
  (one, other) =>
    one.isLast === other.isLast && one.conversationId === other.conversationId && isSameRow(one.row, other.row),
);

interface ShownMessageProps {
  readonly conversationId: string;
  readonly message: MessageView;
  readonly extra: MessageExtra | undefined;
  readonly isLast: boolean;
}

function ShownMessage({ conversationId, message, extra, isLast }: ShownMessageProps) {
  const revision = useRevision(message);
  const editor = useTextEditor(message);
  if (revision !== undefined || editor !== undefined) return revision ?? editor;
  const actions = <MessageActions {...{ conversationId, message, isLast, extra }} />;
  return <Message {...{ conversationId, message, actions, extra }} />;
}

function classesOf({ message, extra }: Extract<Row, { kind: "message" }>, isLast: boolean): string {
  const kind = message.author.role !== "user" ? "answer" : extra?.isOther === true ? "other" : "own";
  const more = [...(isLast ? ["chat-row-last"] : []), ...(extra?.isContinued === true ? ["people-continued"] : [])];
  return ["chat-row", `chat-row-${kind}`, ...more].join(" ");
}

function NewHere() {
  return <div className="people-new">{useWords().room.newHere}</div>;
}

function isSameRow(one: Row, other: Row): boolean {
  return one === other || (one.kind !== "message" && one.key === other.key && contentOf(one) === contentOf(other));
}

function contentOf(row: Row): unknown {
  return row.kind === "outgoing" ? row.outgoing : undefined;
}

function Unshown() {
  return <p className="ui-error">{useWords().chat.unshown}</p>;
}

/** "Today" becomes "Yesterday" on a page that stays open. */
const minuteMs = 60_000;

function Day({ ts }: { readonly ts: number }) {
  const { chat, formats } = useWords();
  const at = new Date(ts);
  const day = startOfDay(ts);
  const nowMs = useNow(minuteMs);
  const isYesterday = day === startOfDay(nowMs, -1);
  const name = day === startOfDay(nowMs) ? chat.today : isYesterday ? chat.yesterday : formats.day(ts);
  return (
    <div className="chat-day">
      <time dateTime={at.toISOString()} title={formats.day(ts)}>
        {name}
      </time>
    </div>
  );
}

/** The message is there, and nobody has begun to answer it. */
function Pending() {
  return (
    <div className="chat-row chat-pending" aria-hidden="true">
      <span className="chat-dot" />
      <span className="chat-dot" />
      <span className="chat-dot" />
    </div>
  );
}
