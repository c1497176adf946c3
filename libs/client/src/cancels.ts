import { turn as turnIn, type ClientFrameInput, type ConversationView } from "@parley/protocol/fold";

/** The turns that are to stop. A cancel is sent again on every new connection until the end of its turn has been seen. */
export interface Cancels {
  /** Without an id: the turn that runs. */
  readonly add: (turnId?: string) => void;
  readonly flush: () => void;
  /** The server knows of no such running turn. */
  readonly clear: () => void;
}

export function createCancels(view: () => ConversationView, send: (frame: ClientFrameInput) => boolean): Cancels {
  const wanted = new Set<string | undefined>();

  function flush(): void {
    for (const turnId of wanted) {
      const over = turnId !== undefined && turnIn(view(), turnId)?.outcome !== undefined;
      const sent = !over && send({ type: "cancel", conversation_id: view().conversation_id, turn_id: turnId });
      // Whichever turn ran when it was sent: a later one must not be stopped by it.
      if (over || (sent && turnId === undefined)) wanted.delete(turnId);
    }
  }

  return {
    add: (turnId = runningTurn(view())) => {
      wanted.add(turnId);
      flush();
    },
    flush,
    clear: () => wanted.clear(),
  };
}

/** The turn that runs, or waits for a person; else the newest that waits for its turn. */
function runningTurn(view: ConversationView): string | undefined {
  const open = view.turns.filter((turn) => turn.outcome === undefined);
  return (open.find(({ status }) => status === "running" || status === "waiting") ?? open.at(-1))?.turn_id;
}
