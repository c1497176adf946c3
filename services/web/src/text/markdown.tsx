import { memo, useSyncExternalStore, type ComponentType } from "react";

export interface CitedSources {
  readonly count: number;
  /** How the ids of their places on the page begin; the number follows. */
  readonly place: string;
}

export interface MarkdownProps {
  readonly text: string;
  /** It may go on: what its end has half written is shown as what it will probably become. */
  readonly isStreaming?: boolean;
  /** What it may cite by numbers. */
  readonly sources?: CitedSources | undefined;
}

type Loaded = ComponentType<MarkdownProps>;

let loaded: Loaded | undefined;
let loading: Promise<void> | undefined;
const listeners = new Set<() => void>();

/**
 * What reads Markdown is a fifth of the page and a new conversation needs none of it: it is loaded beside the page, begun by whoever shows messages. Until it
 * is there, and where it cannot be had, a text is shown as it is written.
 */
export function loadMarkdown(): Promise<void> {
  loading ??= import("./markdown-blocks.tsx").then(
    ({ MarkdownBlocks }) => {
      loaded = MarkdownBlocks;
      for (const listener of listeners) listener();
    },
    // The file may belong to an older build, or there is no network: the next message tries again.
    () => {
      loading = undefined;
    },
  );
  return loading;
}

function subscribe(listener: () => void): () => void {
  void loadMarkdown();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const current = (): Loaded | undefined => loaded;

/** A text of a model. */
export const Markdown = memo(function Markdown(props: MarkdownProps) {
  const Blocks = useSyncExternalStore(subscribe, current, current);
  if (Blocks === undefined) return <p className="text-plain">{props.text}</p>;
  return <Blocks {...props} />;
});
