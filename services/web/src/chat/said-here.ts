/** What a person said of an answer. */
export interface Said {
  readonly rating: "up" | "down";
  readonly comment?: string;
}

/** That something was said in this browser; `said` undefined: it was taken back. */
export interface SaidHere {
  readonly said: Said | undefined;
}

export interface SaidStore {
  readonly of: (messageId: string) => SaidHere | undefined;
  readonly keep: (messageId: string, said: Said | undefined) => SaidHere;
  readonly restore: (messageId: string, before: SaidHere | undefined) => void;
  /** Calls back when something was said, here or in another tab. Returns how to stop. */
  readonly onChange: (listener: () => void) => () => void;
}

/** What tabs of one browser tell each other by. */
export type TabChannel = Pick<BroadcastChannel, "postMessage" | "addEventListener">;

const maxKept = 500;

/**
 * Feedback is no event: what was said here is known here alone until the transcript is read again, and a row of a long list comes and goes. `open`: the
 * channel to the other tabs, opened when it is needed first; undefined: there is none here.
 */
export function createSaidStore(open: () => TabChannel | undefined = () => undefined): SaidStore {
  const kept = new Map<string, SaidHere>();
  const listeners = new Set<() => void>();
  let channel: TabChannel | undefined;
  let isOpen = false;

  const set = (messageId: string, here: SaidHere | undefined): void => {
    kept.delete(messageId);
    if (here !== undefined) kept.set(messageId, here);
    const oldest = kept.keys().next();
    if (kept.size > maxKept && oldest.done !== true) kept.delete(oldest.value);
    for (const listener of listeners) listener();
  };
  const others = (): TabChannel | undefined => {
    if (isOpen) return channel;
    isOpen = true;
    channel = open();
    channel?.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (isTold(data)) set(data.messageId, data.here);
    });
    return channel;
  };
  const tell = (messageId: string, here: SaidHere | undefined): void => {
    set(messageId, here);
    others()?.postMessage({ messageId, here } satisfies Told);
  };
  return {
    of: (messageId) => kept.get(messageId),
    keep(messageId, said) {
      const here = { said };
      tell(messageId, here);
      return here;
    },
    restore: tell,
    onChange(listener) {
      others();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

interface Told {
  readonly messageId: string;
  readonly here: SaidHere | undefined;
}

/** Another tab may have a page of another version. */
function isTold(data: unknown): data is Told {
  if (typeof data !== "object" || data === null || !("messageId" in data) || typeof data.messageId !== "string")
    return false;
  if (!("here" in data) || data.here === undefined) return true;
  if (typeof data.here !== "object" || data.here === null || !("said" in data.here)) return false;
  return data.here.said === undefined || isSaid(data.here.said);
}

function isSaid(said: unknown): said is Said {
  if (typeof said !== "object" || said === null || !("rating" in said)) return false;
  const isComment = !("comment" in said) || typeof said.comment === "string";
  return isComment && (said.rating === "up" || said.rating === "down");
}

export const saidHere = createSaidStore(() =>
  typeof window === "undefined" || typeof BroadcastChannel === "undefined"
    ? undefined
    : new BroadcastChannel("parley-feedback"),
);
