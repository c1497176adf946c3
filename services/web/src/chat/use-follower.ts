import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { createFollower, type Follower } from "./follower.ts";

export interface Following {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isFollowing: boolean;
  readonly toEnd: () => void;
  /** To be called by who has scrolled the list to another place. */
  readonly moved: () => void;
  /** To be called by who has led the reader away from the end. */
  readonly left: () => void;
  /** Calls after each scrolling, when the list has its place. Returns the function that ends it. */
  readonly onScrolled: (listener: () => void) => () => void;
}

/** The scrolling of one list, from its first picture to its last. `drawn`: the rows, where all of them are drawn. */
export function useFollower(startsAtEnd: boolean, drawn: RefObject<HTMLDivElement | null>): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follower = useRef<Follower>(undefined);
  const [listeners] = useState(() => new Set<() => void>());
  const [isFollowing, setFollowing] = useState(startsAtEnd);
  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    follower.current = createFollower({
      scroller: scroller.current,
      content: content.current,
      startsAtEnd,
      rows: () => drawn.current ?? undefined,
      onScroll: () => {
        for (const listener of listeners) listener();
      },
      onChange: setFollowing,
    });
    return () => follower.current?.release();
  }, [startsAtEnd, drawn, listeners]);
  const toEnd = useCallback(() => follower.current?.toEnd(), []);
  const moved = useCallback(() => follower.current?.moved(), []);
  const left = useCallback(() => follower.current?.moved(true), []);
  const onScrolled = useCallback(
    (listener: () => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    [listeners],
  );
  return { scroller, content, isFollowing, toEnd, moved, left, onScrolled };
}
