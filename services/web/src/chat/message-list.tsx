import type { HistoryView } from "@parley/react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { Virtualizer, type CacheSnapshot, type VirtualizerHandle } from "virtua";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { readingPlaces, type ReadingPlace } from "./places.ts";
import { RowView } from "./row-view.tsx";
import type { Row } from "./rows.ts";
import { useFollower } from "./use-follower.ts";
import { useRevealed } from "./use-revealed.ts";

/** Below so many rows all of them are drawn: the browser's own search then finds every word, and nothing that was opened closes when it leaves the view. */
const drawnWhole = 200;
/** The same for somebody who reads further up: the change between both would be seen. */
const drawnWholeWhileReading = 600;
/** After the last change of its rows the list has its place again, and can be drawn in the other way. */
const restMs = 100;
/** The line above the first message; rows are placed below it (chat.css gives it this height). */
const headPx = 56;
/** Older messages are asked for before the reader is at the top. */
const loadAheadPx = 1_200;

export interface MessageListHandle {
  readonly toEnd: () => void;
}

interface MessageListProps {
  readonly conversationId: string;
  readonly rows: readonly Row[];
  /** Undefined: there is nothing before the first row. */
  readonly history: HistoryView | undefined;
  readonly handle: RefObject<MessageListHandle | undefined>;
}

/** The messages, at their end while they grow, or where somebody reads. */
export function MessageList({ conversationId, rows: all, history, handle }: MessageListProps) {
  const { chat } = useWords();
  const [place] = useState(() => readingPlaces.of(conversationId));
  const virtualizer = useRef<VirtualizerHandle>(null);
  const drawn = useRef<HTMLDivElement>(null);
  const lookForOlder = useRef(() => undefined as void);
  const { scroller, content, isFollowing, toEnd } = useFollower({
    startsAtEnd: place === undefined,
    rows: useCallback(() => drawn.current ?? undefined, []),
    onScroll: () => lookForOlder.current(),
  });
  const [drawing, setDrawing] = useState<Drawing>(all.length <= drawnWhole ? "whole" : undefined);
  const { rows, isWhole } = useRevealed(all, drawing !== "whole" || place !== undefined);
  const isTooLong = rows.length > (isFollowing ? drawnWhole : drawnWholeWhileReading);
  useEffect(() => {
    if (drawing !== "whole" || !isWhole || !isTooLong) return undefined;
    const timer = setTimeout(() => setDrawing(heightsIn(drawn.current)), restMs);
    return () => clearTimeout(timer);
  }, [drawing, isWhole, isTooLong, rows]);
  const unseen = useUnseen(rows, isFollowing);
  const isPrepended = useIsPrepended(rows);

  useEffect(() => {
    lookForOlder.current = () => {
      const isNear = (scroller.current?.scrollTop ?? Number.POSITIVE_INFINITY) < loadAheadPx;
      if (isNear && isWhole && history?.hasMore === true && !history.isLoading && history.error === undefined)
        history.loadOlder();
    };
    lookForOlder.current();
  }, [scroller, history, rows.length, isWhole]);
  useEffect(() => {
    handle.current = { toEnd };
    return () => {
      handle.current = undefined;
    };
  }, [handle, toEnd]);
  useReadingPlace({ conversationId, place, rows, isFollowing, scroller, drawn, virtualizer });

  const view = (row: Row, index: number) => (
    <RowView key={row.key} conversationId={conversationId} row={row} isLast={index === rows.length - 1} />
  );
  return (
    <div className="chat-list">
      <div ref={scroller} className="chat-scroller" role="log" aria-label={chat.log} aria-live="off" tabIndex={0}>
        <div ref={content} className="chat-content">
          <Head history={history} isWhole={isWhole} />
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
              {...(drawing === undefined ? {} : { cache: drawing })}
              shift={isPrepended}
              bufferSize={600}
              keepMounted={[rows.length - 2, rows.length - 1].filter((index) => index >= 0)}
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

/**
 * Whether all rows are drawn; else the heights that they had when they last were, if they were. The change is made behind a picture in which all are there:
 * with their heights known, nothing moves. Once only a part is drawn it stays so.
 */
type Drawing = "whole" | CacheSnapshot | undefined;

function heightsIn(drawn: HTMLElement | null): CacheSnapshot | undefined {
  if (drawn === null) return undefined;
  const heights = Array.from(drawn.children, (row) => row.getBoundingClientRect().height);
  return [heights, heights.reduce((sum, height) => sum + height, 0) / heights.length];
}

/** How many messages have come below since the reader left the end. */
function useUnseen(rows: readonly Row[], isFollowing: boolean): number {
  const [leftAt, setLeftAt] = useState<string>();
  const last = rows.findLast(({ kind }) => kind === "message")?.key;
  if (isFollowing && leftAt !== last) setLeftAt(last);
  if (isFollowing || leftAt === undefined) return 0;
  const from = rows.findLastIndex(({ key }) => key === leftAt);
  return from < 0 ? 0 : rows.slice(from + 1).filter(({ kind }) => kind === "message").length;
}

/** Whether rows have come before the first one since the last picture: the list then keeps its place from its end. */
function useIsPrepended(rows: readonly Row[]): boolean {
  const first = rows.find(({ kind }) => kind !== "day")?.key;
  const before = useRef(first);
  const isPrepended = before.current !== undefined && before.current !== first;
  useLayoutEffect(() => {
    before.current = first;
  }, [first]);
  return isPrepended;
}

interface ReadingPlaceOptions {
  readonly conversationId: string;
  readonly place: ReadingPlace | undefined;
  readonly rows: readonly Row[];
  readonly isFollowing: boolean;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly drawn: RefObject<HTMLDivElement | null>;
  readonly virtualizer: RefObject<VirtualizerHandle | null>;
}

/** Goes back to where somebody has read before, and keeps the place when they leave. */
function useReadingPlace(options: ReadingPlaceOptions): void {
  const { conversationId, place, scroller, drawn, virtualizer } = options;
  const latest = useRef(options);
  useLayoutEffect(() => {
    latest.current = options;
  });
  useLayoutEffect(() => {
    const list = scroller.current;
    const index = place === undefined ? -1 : latest.current.rows.findIndex(({ key }) => key === place.key);
    if (list !== null && place !== undefined) {
      const row = drawn.current?.children[index];
      if (index < 0) list.scrollTop = 0;
      else if (row instanceof HTMLElement) list.scrollTop = row.offsetTop + place.offsetPx;
      else virtualizer.current?.scrollToIndex(index, { align: "start", offset: place.offsetPx });
    }
    return () => {
      const { rows, isFollowing } = latest.current;
      if (list !== null) readingPlaces.keep(conversationId, isFollowing ? undefined : placeIn(list, rows, virtualizer));
    };
  }, [conversationId, place, scroller, drawn, virtualizer]);
}

function placeIn(
  list: HTMLElement,
  rows: readonly Row[],
  virtualizer: RefObject<VirtualizerHandle | null>,
): ReadingPlace | undefined {
  const { scrollTop } = list;
  const handle = virtualizer.current;
  if (handle !== null) {
    const index = handle.findItemIndex(scrollTop);
    const key = rows[index]?.key;
    return key === undefined ? undefined : { key, offsetPx: scrollTop - handle.getItemOffset(index) };
  }
  const drawn = list.querySelector(".chat-rows")?.children ?? [];
  const index = Array.from(drawn).findIndex(
    (row) => row instanceof HTMLElement && row.offsetTop + row.offsetHeight > scrollTop,
  );
  const [key, row] = [rows[index]?.key, drawn[index]];
  return key === undefined || !(row instanceof HTMLElement) ? undefined : { key, offsetPx: scrollTop - row.offsetTop };
}

/** Above the first message: where the conversation begins, or that there is more. */
function Head({ history, isWhole }: Pick<MessageListProps, "history"> & { readonly isWhole: boolean }): ReactNode {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  if (history?.error !== undefined) {
    return (
      <div className="chat-head" role="alert">
        <span className="ui-error">
          {chat.olderFailed} {sentence(history.error)}
        </span>
        <button type="button" className="ui-button ui-button-small" onClick={history.loadOlder}>
          {chat.tryAgain}
        </button>
      </div>
    );
  }
  if (!isWhole || history?.hasMore === true) {
    return (
      <div className="chat-head">
        {history?.isLoading === true ? (
          <>
            <span className="ui-spinner" />
            <span>{chat.loadingOlder}</span>
          </>
        ) : null}
      </div>
    );
  }
  return <div className="chat-head">{chat.beginning}</div>;
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
