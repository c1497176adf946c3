import type { HistoryView } from "@parley/react";
import { useCallback, useEffect, useLayoutEffect, useState, type RefObject } from "react";
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

interface Wanted {
  readonly messageId: string;
  /** Pages that may still be asked for. */
  readonly pagesLeft: number;
}

/** Pages that are asked for, to find a message: 2,000 messages. */
const maxPages = 40;
/** What of the message before it is seen above it. */
const abovePx = -64;

/** Leads to a message, and marks it for a moment. What is further up than what is there is asked for. */
export function useJump(options: JumpOptions): (messageId: string) => void {
  const { rows, isWhole, history, scroller, drawn, virtualizer, onMoved } = options;
  const [wanted, setWanted] = useState<Wanted>();
  const [found, setFound] = useState<{ readonly messageId: string }>();
  useLayoutEffect(() => {
    const list = scroller.current;
    if (wanted === undefined || list === null) return;
    const { messageId, pagesLeft } = wanted;
    if (rows.some(({ key }) => key === messageId)) {
      goTo(list, { key: messageId, offsetPx: abovePx }, { rows, whole: drawn.current, part: virtualizer.current });
      onMoved();
      setWanted(undefined);
      setFound({ messageId });
    } else if (!isWhole || history?.isLoading === true) {
      // More of it comes by itself.
    } else if (history?.hasMore === true && history.error === undefined && pagesLeft > 0) {
      setWanted({ messageId, pagesLeft: pagesLeft - 1 });
      history.loadOlder();
    } else setWanted(undefined);
  }, [wanted, rows, isWhole, history, scroller, drawn, virtualizer, onMoved]);
  useEffect(() => {
    if (found === undefined) return undefined;
    // Where only a part is drawn its row is there with the next picture.
    const timer = requestAnimationFrame(() => requestAnimationFrame(() => mark(scroller.current, found.messageId)));
    return () => cancelAnimationFrame(timer);
  }, [found, scroller]);
  return useCallback((messageId) => setWanted({ messageId, pagesLeft: maxPages }), []);
}

function mark(list: HTMLElement | null, messageId: string): void {
  const rows = list?.querySelectorAll<HTMLElement>("[data-message]") ?? [];
  const row = [...rows].find(({ dataset }) => dataset["message"] === messageId);
  if (row === undefined) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.dataset["found"] = "";
  row.addEventListener("blur", () => delete row.dataset["found"], { once: true });
}
