import type { Dialect, TerminalEvent, TurnWatch } from "@parley/dialects";
import { ChatError, chatErrorOf, closeCodes, noParts, type Parts } from "@parley/protocol";
import type { Sink } from "../delivery/outlet.ts";

export interface AnswerEnd {
  readonly end: TerminalEvent;
  readonly parts: Parts;
}

export interface AnswerViewer {
  readonly dialect: Dialect;
  readonly sink: Sink;
  /** How the turn ended, and the answer's parts. Rejects with ChatError when that cannot be waited for any longer. */
  readonly ended: Promise<AnswerEnd>;
  giveUp(error: ChatError): void;
}

const none: readonly Uint8Array[] = [];

/** A viewer that is interested in the end only: nothing is sent to it, so it is never slow. */
export function createAnswerViewer(watch: TurnWatch): AnswerViewer {
  let resolve: (end: AnswerEnd) => void = () => {};
  let giveUp: (error: ChatError) => void = () => {};
  const ended = new Promise<AnswerEnd>((onEnd, onError) => {
    resolve = onEnd;
    giveUp = onError;
  });
  // It may fail before anybody waits for it.
  ended.catch(() => {});
  const note = (end: TerminalEvent | undefined): readonly Uint8Array[] => {
    if (end !== undefined) resolve({ end, parts: watch.turn?.parts ?? noParts });
    return none;
  };
  const dialect: Dialect = {
    name: "answer",
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent(event) {
      watch.see(event);
      return note(watch.endIn(event));
    },
    turnsIn: watch.in,
    encodeFrame(frame) {
      if (frame.type === "accepted") watch.begin(frame);
      // Only the deletion of the turn is told like this: nobody will see the end.
      if (frame.type === "error") giveUp(chatErrorOf(frame));
      return frame.type === "snapshot" ? note(watch.endInSnapshot(frame)) : none;
    },
  };
  return { dialect, sink: endOnlySink(giveUp), ended, giveUp };
}

/** Of who waits for an end and is sent nothing. */
export function endOnlySink(giveUp: (error: ChatError) => void): Sink {
  return {
    send: () => 1,
    getBufferedAmount: () => 0,
    cork: (send) => send(),
    end: (code) => giveUp(closedWith(code)),
  };
}

/** What the close of a socket would have said. */
export function closedWith(code: number): ChatError {
  const retryAfterMs = 1_000;
  return new ChatError(code === closeCodes.goingAway ? "SHUTTING_DOWN" : "OVERLOADED", { retryAfterMs });
}
