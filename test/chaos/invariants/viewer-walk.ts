import type { ConversationView, EventFrame, SnapshotFrame } from "@parley/protocol";
import type { ConversationHistory, StoredAt } from "../history.ts";
import type { PromiseId } from "../promise.ts";
import type { Expected } from "../scenario.ts";
import type { PassedOver } from "./passed-over.ts";
import type { TurnLog } from "./turn-log.ts";

export type StateFrame = EventFrame | SnapshotFrame;

/** One device, as far as its recording was looked at. */
export interface Walk {
  readonly history: ConversationHistory;
  /** Of its events, what viewers see. */
  readonly visible: readonly StoredAt[];
  readonly logs: ReadonlyMap<string, TurnLog>;
  /** Wire cursor minus log sequence; undefined: nothing of the log can be compared. */
  readonly offset: number | undefined;
  readonly expected: Expected;
  view: ConversationView;
  readonly report: (promise: PromiseId, what: string, turn?: string) => void;
  /** Ends that came as frames, by turn. */
  readonly ends: Map<string, number>;
  /** Answers that came with a transcript. */
  readonly told: Map<string, { readonly text: string; readonly status: string }>;
  /** Whether the server sends events on the present connection. */
  attached: boolean;
  /** Cursors of subscriptions that have no answer yet. */
  readonly pending: (number | undefined)[];
  /** Everything up to this wire cursor is there; undefined: the next frame says where it begins. */
  cursor: number | undefined;
  /** The wire cursor with which its subscription came; undefined: it named none. */
  resumedAt: number | undefined;
  /** Of the last frame since the subscription began: what follows must be above it. */
  lastSeq: number;
  /** The subscription named no cursor: it begins with a snapshot of the conversation. */
  isAnew: boolean;
  /** Wire cursor of the last snapshot of the conversation. */
  wholeAt: number | undefined;
  /** It has sent a message again whose turn began before that: of one so old that snapshot need not tell, so another one does. */
  isOwedWhole: boolean;
  /** Log sequence from which on this device must know how turns ended. */
  knowsFrom: number | undefined;
  /** Stored before something that it has, and still to come: the broker passed on the later one first. */
  readonly passedOver: PassedOver;
  /** Turns of which it has something else than what is stored: said once, as all that follows is wrong too. */
  readonly spoilt: Set<string>;
  /** Turns of which a snapshot was too large to say in which order their text and calls came. */
  readonly unordered: Set<string>;
}
