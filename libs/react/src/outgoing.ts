import type { Conversation, SendOptions } from "@parley/client";
import type { ChatError } from "@parley/protocol";
import type { ConversationView } from "@parley/protocol/fold";

/** A message that was sent here and that the view does not have yet. */
export interface OutgoingView {
  readonly id: string;
  readonly text: string;
  readonly status: "sending" | "failed";
  readonly error?: ChatError;
}

/** What was sent here: shown from the moment of sending until the view has the message, or until a person gives it up. */
export interface Outgoing {
  readonly send: (text: string, options?: SendOptions) => void;
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
  /** To be called after the view has changed. */
  readonly look: (view: ConversationView) => void;
  readonly isEmpty: () => boolean;
}

interface Entry {
  readonly shown: OutgoingView;
  readonly options: SendOptions;
}

export function createOutgoing(
  conversation: Conversation,
  onChange: (outgoing: readonly OutgoingView[]) => void,
): Outgoing {
  const entries = new Map<string, Entry>();
  const changed = (): void => onChange([...entries.values()].map(({ shown }) => shown));

  function start(id: string, text: string, options: SendOptions): void {
    entries.set(id, { shown: { id, text, status: "sending" }, options });
    changed();
    conversation.send(text, { ...options, id }).then(
      () => look(conversation.view),
      (error: ChatError) => fail(id, error),
    );
  }

  function fail(id: string, error: ChatError): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.set(id, { ...entry, shown: { ...entry.shown, status: "failed", error } });
    changed();
  }

  function look(view: ConversationView): void {
    if (entries.size === 0) return;
    const gone = [...entries.keys()].filter((id) => isIn(view, id));
    for (const id of gone) entries.delete(id);
    if (gone.length > 0) changed();
  }

  return {
    send: (text, options = {}) => start(options.id ?? newId(), text, options),
    retry: (id) => {
      const entry = entries.get(id);
      if (entry?.shown.status === "failed") start(id, entry.shown.text, entry.options);
    },
    discard: (id) => {
      if (entries.get(id)?.shown.status === "failed" && entries.delete(id)) changed();
    },
    look,
    isEmpty: () => entries.size === 0,
  };
}

function isIn(view: ConversationView, id: string): boolean {
  return view.turns.some(({ message }) => message?.id === id) || view.waiting.some((waiting) => waiting.id === id);
}

function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `m_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
