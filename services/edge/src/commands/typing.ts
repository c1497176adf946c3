import type { Caller, TypingSignalFrame } from "@parley/protocol";
import type { HubConnection } from "../hub/hub.ts";
import type { Signals } from "../signals/signals.ts";
import type { Ownership } from "./ownership.ts";

export interface TypingDeps {
  readonly ownership: Pick<Ownership, "check">;
  readonly signals: Pick<Signals, "typing">;
}

/** `typing`: of who may write in the conversation. Who does not look at it types for nobody. Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
export function createTypingHandler({ ownership, signals }: TypingDeps) {
  return async (
    connection: HubConnection,
    caller: Caller,
    { conversation_id, on }: TypingSignalFrame,
  ): Promise<void> => {
    await ownership.check(conversation_id, caller, "conversation:send");
    const viewer = connection.viewers.get(conversation_id);
    if (viewer !== undefined) signals.typing(viewer, on);
  };
}
