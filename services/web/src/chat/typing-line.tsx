import type { Conversation } from "@parley/client";
import type { ConversationView } from "@parley/protocol/fold";
import { useConnection, useView } from "@parley/react";
import { useWords } from "../words/use-words.ts";
import type { Here } from "./use-room.ts";

interface TypingLineProps {
  readonly conversation: Conversation;
  readonly here: Here;
}

/** Who writes at the moment. The line has its place also while nobody does, so that nothing moves. */
export function TypingLine({ conversation, here }: TypingLineProps) {
  const { room } = useWords();
  const typing = useView(conversation, typingIn);
  const { state } = useConnection();
  if (here.room === undefined) return null;
  // Without a connection nobody knows.
  const others = state.name === "ready" ? typing.filter(({ id }) => id !== here.viewerId) : [];
  return (
    <p className="people-typing" role="status">
      {others.length === 0 ? "" : room.typing(others.map(({ id, name }) => name ?? id))}
    </p>
  );
}

function typingIn({ typing }: ConversationView): ConversationView["typing"] {
  return typing;
}
