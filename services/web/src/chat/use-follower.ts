import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { createFollower, type Follower } from "./follower.ts";

export interface Following {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isFollowing: boolean;
  readonly toEnd: () => void;
}

interface FollowingOptions {
  readonly startsAtEnd: boolean;
  /** The rows, where all of them are drawn. */
  readonly rows: () => HTMLElement | undefined;
  readonly onScroll: () => void;
}

/** The scrolling of one list, from its first picture to its last. */
export function useFollower({ startsAtEnd, rows, onScroll }: FollowingOptions): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follower = useRef<Follower>(undefined);
  const latest = useRef({ rows, onScroll });
  useEffect(() => {
    latest.current = { rows, onScroll };
  });
  const [isFollowing, setFollowing] = useState(startsAtEnd);
  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    follower.current = createFollower({
      scroller: scroller.current,
      content: content.current,
      startsAtEnd,
      rows: () => latest.current.rows(),
      onScroll: () => latest.current.onScroll(),
      onChange: setFollowing,
    });
    return () => follower.current?.release();
  }, [startsAtEnd]);
  const toEnd = useCallback(() => follower.current?.toEnd(), []);
  return { scroller, content, isFollowing, toEnd };
}
