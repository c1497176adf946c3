import { messageIdOf } from "@parley/protocol/fold";
import type { HistoryView } from "@parley/react";
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { useDrawing, useIsPrepended, useUnseen } from "./drawing.ts";
import { headPx, ListHead } from "./list-head.tsx";
import { readingPlaces, type ReadingPlace } from "./places.ts";
import { useReadingPlace } from "./reading-place.ts";
import { RowView } from "./row-view.tsx";
import type { Row } from "./rows.ts";
import { useFollower, type Following } from "./use-follower.ts";
import { useJump } from "./use-jump.ts";

/** Older messages are asked for before the reader is at the top. */
const loadAheadPx = 1_200;

export interface MessageListHandle {
  readonly toEnd: () => void;
  /** Shows a message, also one that is further up than what is there. */
  readonly toMessage: (messageId: string) => void;
}

interface MessageListProps {
  readonly ref?: Ref<MessageListHandle>;
  readonly conversationId: string;
  /** The turn at which it begins to be read. */
  readonly turnId?: string | undefined;
  readonly rows: readonly Row[];
  /** Undefined: there is nothing before the first row. */
  readonly history: HistoryView | undefined;
  /** Whether its end is in view. */
  readonly onFollowing?: ((isFollowing: boolean) => void) | undefined;
}

/** The messages, at their end while they grow, or where somebody reads. */
export function MessageList({ ref, conversationId, turnId, rows: all, history, onFollowing }: MessageListProps) {
  const { chat } = useWords();
  const [place] = useState(() => placeOf(turnId) ?? readingPlaces.of(conversationId));
  const virtualizer = useRef<VirtualizerHandle>(null);
  const drawn = useRef<HTMLDivElement>(null);
  const { scroller, content, isFollowing, toEnd, moved, left, onScrolled } = useFollower(place === undefined, drawn);
  const { drawing, rows, isWhole } = useDrawing({ rows: all, isFollowing, isAtOnce: place !== undefined, drawn });
  const unseen = useUnseen(rows, isFollowing);
  const isPrepended = useIsPrepended(rows);
  const toMessage = useJump({ rows, isWhole, history, scroller, drawn, virtualizer, onMoved: left });
  useImperativeHandle(ref, () => ({ toEnd, toMessage }), [toEnd, toMessage]);
  useEffect(() => onFollowing?.(isFollowing), [isFollowing, onFollowing]);
  useReadingPlace({ conversationId, place, rows, history, isFollowing, scroller, drawn, virtualizer, onMoved: moved });
  useOlder({ scroller, onScrolled, history, isWhole });
  const view = (row: Row, index: number) => (
    <RowView key={row.key} conversationId={conversationId} row={row} isLast={index === rows.length - 1} />
  );
  return (
    <div className="chat-list">
      <div ref={scroller} className="chat-scroller" role="log" aria-label={chat.log} aria-live="off" tabIndex={0}>
        <div ref={content} className="chat-content">
          <ListHead history={history} isWhole={isWhole} />
          {drawing === "whole" ? (
            <div ref={drawn} className="chat-rows">
              {rows.map(view)}
            </div>
          ) : (
            <Virtualizer
              ref={virtualizer}
              data={rows}
              scrollRef={scroller}
              startMargin={headPx}
              shift={isPrepended}
              bufferSize={600}
              keepMounted={lastTwo(rows)}
              {...(drawing.heights === undefined ? {} : { cache: drawing.heights })}
            >
              {view}
            </Virtualizer>
          )}
        </div>
      </div>
      {isFollowing ? null : <JumpButton unseen={unseen} onJump={toEnd} />}
    </div>
  );
}

function placeOf(turnId: string | undefined): ReadingPlace | undefined {
  return turnId === undefined ? undefined : { key: messageIdOf(turnId, "user"), offsetPx: 0 };
}

interface OlderOptions extends Pick<Following, "scroller" | "onScrolled"> {
  readonly history: HistoryView | undefined;
  readonly isWhole: boolean;
}

/** Asks for older messages when the reader comes near to the first one. */
function useOlder({ scroller, onScrolled, history, isWhole }: OlderOptions): void {
  useEffect(() => {
    const look = () => {
      const isNear = (scroller.current?.scrollTop ?? Number.POSITIVE_INFINITY) < loadAheadPx;
      if (isNear && isWhole && mayLoad(history)) history.loadOlder();
    };
    look();
    return onScrolled(look);
  }, [scroller, history, isWhole, onScrolled]);
}

function mayLoad(history: HistoryView | undefined): history is HistoryView {
  return history?.hasMore === true && !history.isLoading && history.error === undefined;
}

/** What is being written, or typed into, must not be taken away when it leaves the view. */
function lastTwo(rows: readonly Row[]): number[] {
  return [rows.length - 2, rows.length - 1].filter((index) => index >= 0);
}

function JumpButton({ unseen, onJump }: { readonly unseen: number; readonly onJump: () => void }) {
  const { chat } = useWords();
  return (
    <button type="button" className="chat-jump" aria-label={chat.jump} title={chat.jump} onClick={onJump}>
      <Icon name="down" />
      {unseen === 0 ? null : <span>{chat.newMessages(unseen)}</span>}
    </button>
  );
}
