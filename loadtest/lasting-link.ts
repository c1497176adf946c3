import { type Link, openLink } from "./link.ts";
import type { Tally } from "./tally.ts";
import type { Frame } from "./wire.ts";

export interface LastingLinkOptions {
  readonly urls: readonly string[];
  /** Which of the addresses comes first; the next one is tried after each loss. */
  readonly first: number;
  readonly token: string;
  readonly knows?: readonly string[];
  /** Without it a loss is an error, and final. */
  readonly mayBeLost: boolean;
  readonly tally: Tally;
  /** Connected, or connected again. */
  readonly onReady: () => void;
  readonly onFrame: (frame: Frame, atMs: number) => void;
}

export interface LastingLink extends Link {
  connect(): void;
  /** When the connection was lost, if nothing was had since; `caughtUp` says that all is there again. */
  caughtUp(atMs: number): void;
}

const maxReconnects = 20;
/** Spread, as every client must that is not alone. */
const reconnectWithinMs = 1_000;

/** A link that comes back, to the next edge, when its edge dies. */
export function createLastingLink(options: LastingLinkOptions): LastingLink {
  const { urls, first, token, knows = [], mayBeLost, tally, onReady, onFrame } = options;
  let link: Link | undefined;
  let losses = 0;
  let lostMs = 0;
  let isClosed = false;

  const connect = (): void => {
    if (isClosed) return;
    const url = urls[(first + losses) % urls.length] ?? "";
    link = openLink({ url, token, knows, tally, onReady, onFrame, onLost });
  };
  const onLost = (wasReady: boolean, reason: string): void => {
    if (isClosed) return;
    losses++;
    if (!mayBeLost || losses > maxReconnects) return tally.error(`socket lost: ${reason}`);
    if (wasReady) lostMs = Date.now();
    tally.count("reconnects");
    setTimeout(connect, Math.random() * reconnectWithinMs);
  };

  return {
    connect,
    send: (text) => link?.send(text),
    caughtUp(atMs) {
      if (lostMs > 0) tally.time("resume", Math.max(0, atMs - lostMs));
      lostMs = 0;
    },
    close() {
      isClosed = true;
      link?.close();
    },
  };
}
