import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects, typeOfStored } from "@parley/protocol";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import type { RawSocket } from "../sockets/raw-socket.ts";
import type { WaitingTurn } from "./waiting-turns.ts";

const patienceMs = 60_000;

/** When decisions are told and turns are claimed, on the clock of this process. */
export interface EventWatch {
  /** Resolves to the time of the turn's next event of that type; a minute later, if there is none. */
  next(turn: string, type: "approval_decided" | "claimed"): Promise<number>;
  stop(): void;
}

export function watchEvents({ nc }: Bus): EventWatch {
  const waiting = new Map<string, () => void>();
  const subscription = nc.subscribe(subjects.allLive(0), {
    callback: (_, { subject, data }) => {
      const key = `${parseEventSubject(subject)?.turn ?? ""} ${typeOfStored(data)}`;
      waiting.get(key)?.();
      waiting.delete(key);
    },
  });
  return {
    next: (turn, type) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(performance.now()), patienceMs);
        waiting.set(`${turn} ${type}`, () => {
          clearTimeout(timer);
          resolve(performance.now());
        });
      }),
    stop: () => subscription.unsubscribe(),
  };
}

/** In ms since it was sent. */
export interface DecisionTimes {
  /** Until viewers are told of it. */
  readonly toldMs: number;
  /** Until its turn is claimed. */
  readonly claimedMs: number;
}

/** Denies the call over the socket. */
export async function timeDecision(socket: RawSocket, watch: EventWatch, waits: WaitingTurn): Promise<DecisionTimes> {
  const told = watch.next(waits.turn, "approval_decided");
  const claimed = watch.next(waits.turn, "claimed");
  const sentAt = performance.now();
  const frame = { type: "approve", conversation_id: waits.conversation, call_id: waits.call, approved: false } as const;
  socket.send(encodeClientFrame(frame));
  return { toldMs: (await told) - sentAt, claimedMs: (await claimed) - sentAt };
}
