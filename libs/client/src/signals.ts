import type { ClientFrameInput, ConversationView } from "@parley/protocol/fold";

interface SignalsDeps {
  readonly id: string;
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly view: () => ConversationView;
  readonly now: () => number;
}

/** What the others of a room are told of this user, and nobody answers. Where nobody else has a part in the conversation nothing is sent. */
export interface Signals {
  readonly typing: (on: boolean) => void;
  readonly markRead: (messageId?: string) => void;
  /** A message was sent: that ends the writing by itself. */
  readonly said: () => void;
  /** On a new connection. */
  readonly resume: () => void;
  /** What one user has read is not what another one has. */
  readonly forget: () => void;
}

/** The server forgets it after twice as long. */
const sayAgainMs = 3_000;

type Mark = Extract<ClientFrameInput, { type: "read" }>;

export function createSignals({ id: conversation_id, send, view, now }: SignalsDeps): Signals {
  /** When it was said last that this user writes; undefined: they do not. */
  let typingAt: number | undefined;
  let mark: Mark | undefined;
  const isShared = (): boolean => (view().room?.member_count ?? 1) > 1;
  const said = (): void => {
    typingAt = undefined;
  };
  return {
    typing: (on) => {
      const isNews = on ? now() - (typingAt ?? -Infinity) >= sayAgainMs : typingAt !== undefined;
      if (!isNews || !isShared()) return;
      typingAt = send({ type: "typing", conversation_id, on }) && on ? now() : undefined;
    },
    markRead: (message_id) => {
      const { seq } = view();
      const isSame = message_id === undefined ? mark?.seq === seq : mark?.message_id === message_id;
      if (isSame || !isShared()) return;
      mark = { type: "read", conversation_id, ...(message_id === undefined ? { seq } : { message_id }) };
      send(mark);
    },
    said,
    forget: () => {
      mark = undefined;
    },
    resume: () => {
      said();
      // It may have been lost with the connection before, and goes forward only.
      if (mark) send(mark);
    },
  };
}
