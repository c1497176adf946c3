import type { ConversationView, OnBusy } from "@parley/protocol";
import type { Recording } from "./recording.ts";

/** What a message came to. `refused`: no turn, and the code says why. */
export type Answer =
  | { readonly kind: "accepted"; readonly turn: string; readonly position: number }
  | { readonly kind: "refused"; readonly code: string };

export interface Question {
  readonly id: string;
  readonly text: string;
  readonly onBusy: OnBusy;
  /** Undefined: the system chooses. */
  readonly agent: string | undefined;
}

/** One screen that looks at one conversation, over one connection after another. */
export interface Device {
  readonly name: string;
  readonly recording: Recording;
  readonly view: ConversationView;
  connect(): void;
  /** Asks for the conversation's events, also on later connections, until it is there. */
  watch(): void;
  /** Sends the message until it is answered: on every new connection again, and again after an error that may pass. */
  ask(question: Question): Promise<Answer>;
  /** Asks to stop the turn until its end is seen. */
  cancel(turn: string): void;
  /** Decides on a call that waits for a person: until it is known how that was decided, or the server refuses. */
  approve(call: string, approved: boolean): void;
  /** Breaks the connection, as a tunnel does; it comes back by itself. */
  cut(): void;
  /** Stops reading, and goes on. */
  pause(): void;
  resume(): void;
  /** Unsubscribes; `watch` comes back. */
  leave(): void;
  /** Resolves when the view fulfils this; rejects when the signal is aborted. */
  until(holds: (view: ConversationView) => boolean, signal: AbortSignal): Promise<void>;
  reconnects(): number;
  close(): void;
}
