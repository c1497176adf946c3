/** What a person said of an answer. */
export interface Said {
  readonly rating: "up" | "down";
  readonly comment?: string;
}

/** That something was said on this page; `said` undefined: it was taken back. */
export interface SaidHere {
  readonly said: Said | undefined;
}

export interface SaidStore {
  readonly of: (messageId: string) => SaidHere | undefined;
  readonly keep: (messageId: string, said: Said | undefined) => SaidHere;
  readonly restore: (messageId: string, before: SaidHere | undefined) => void;
}

const maxKept = 500;

/** Feedback is no event: what was said here is known here alone until the transcript is read again, and a row of a long list comes and goes. */
export function createSaidStore(): SaidStore {
  const kept = new Map<string, SaidHere>();
  const set = (messageId: string, here: SaidHere): SaidHere => {
    kept.delete(messageId);
    kept.set(messageId, here);
    const oldest = kept.keys().next();
    if (kept.size > maxKept && oldest.done !== true) kept.delete(oldest.value);
    return here;
  };
  return {
    of: (messageId) => kept.get(messageId),
    keep: (messageId, said) => set(messageId, { said }),
    restore: (messageId, before) => {
      if (before === undefined) kept.delete(messageId);
      else set(messageId, before);
    },
  };
}

export const saidHere = createSaidStore();
