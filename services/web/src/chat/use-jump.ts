import type { HistoryView } from "@parley/react";
import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import { goTo } from "./reading-place.ts";
import type { Row } from "./rows.ts";

interface JumpOptions {
  readonly rows: readonly Row[];
  /** Whether all rows that are there are drawn. */
  readonly isWhole: boolean;
  readonly history: HistoryView | undefined;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly drawn: RefObject<HTMLDivElement | null>;
  readonly virtualizer: RefObject<VirtualizerHandle | null>;
  readonly onMoved: () => void;
}

/** Pages that are asked for, to find a message: 2,000 messages. */
const maxPages = 40;
/** What of the message before it is seen above it. */
const abovePx = -64;

/** Leads to a message, and marks it for a moment. What is further up than what is there is asked for. */
export function useJump(options: JumpOptions): (messageId: string) => void {
  const { rows, isWhole, history, scroller, drawn, virtualizer, onMoved } = options;
  const [wanted, setWanted] = useState<{ readonly messageId: string }>();
  /** Pages that may still be asked for; below 0 when the message is found, or is not looked for any more. */
  const left = useRef(-1);
  useLayoutEffect(() => {
    const list = scroller.current;
    if (wanted === undefined || list === null || left.current < 0) return;
    const { messageId } = wanted;
    if (rows.some(({ key }) => key === messageId)) {
      left.current = -1;
      goTo(list, { key: messageId, offsetPx: abovePx }, { rows, whole: drawn.current, part: virtualizer.current });
      onMoved();
      // Where only a part is drawn its row is there with the next picture.
      requestAnimationFrame(() => requestAnimationFrame(() => mark(list, messageId)));
    } else if (isWhole && history?.isLoading !== true) {
      // Until then more of it comes by itself.
      const hasMore = history?.hasMore === true && history.error === undefined;
      left.current = hasMore ? left.current - 1 : -1;
      if (hasMore) history.loadOlder();
    }
  }, [wanted, rows, isWhole, history, scroller, drawn, virtualizer, onMoved]);
  return useCallback((messageId) => {
    left.current = maxPages;
    setWanted({ messageId });
  }, []);
}

function mark(list: HTMLElement, messageId: string): void {
  const rows = list.querySelectorAll<HTMLElement>("[data-message]");
  const row = [...rows].find(({ dataset }) => dataset["message"] === messageId);
  if (row === undefined) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.dataset["found"] = "";
  row.addEventListener("blur", () => delete row.dataset["found"], { once: true });
}
