import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects, typeOfStored } from "@parley/protocol";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import type { RawSocket } from "../sockets/raw-socket.ts";
import type { WaitingTurn } from "./waiting-turns.ts";

const patienceMs = 60_000;

/** When turns are claimed, on the clock of this process. */
export interface ClaimWatch {
  /** Resolves to the time of the next claim of the turn; undefined: there was none within a minute. */
  claimed(turn: string): Promise<number | undefined>;
  stop(): void;
}

export function watchClaims({ nc }: Bus): ClaimWatch {
  const waiting = new Map<string, (at: number) => void>();
  const subscription = nc.subscribe(subjects.allLive(0), {
    callback: (_, { subject, data }) => {
      const { turn = "", channel } = parseEventSubject(subject) ?? {};
      if (channel !== "a" || typeOfStored(data) !== "claimed") return;
      waiting.get(turn)?.(performance.now());
      waiting.delete(turn);
    },
  });
  return {
    claimed: (turn) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), patienceMs);
        waiting.set(turn, (at) => {
          clearTimeout(timer);
          resolve(at);
        });
      }),
    stop: () => subscription.unsubscribe(),
  };
}

/** Denies the call over the socket; returns how long after that the turn is claimed, in ms. A minute: not within that. */
export async function timeDecision(socket: RawSocket, watch: ClaimWatch, waits: WaitingTurn): Promise<number> {
  const claim = watch.claimed(waits.turn);
  const sentAt = performance.now();
  const frame = { type: "approve", conversation_id: waits.conversation, call_id: waits.call, approved: false } as const;
  socket.send(encodeClientFrame(frame));
  const at = await claim;
  return at === undefined ? patienceMs : at - sentAt;
}
