import type { MessageChanges, Person } from "@parley/protocol/fold";
import { createContext } from "react";

/** What a message shows beside itself where several people are. The same object as long as it says the same. */
export interface MessageExtra {
  /** Somebody else's, not an agent's. */
  readonly isOther: boolean;
  /** Whoever wrote the one above wrote this one too, a moment later. */
  readonly isContinued: boolean;
  readonly mentionsViewer: boolean;
  readonly isPinned: boolean;
  readonly changes: MessageChanges | undefined;
  readonly replyTo: Quoted | undefined;
  /** Members, beside the viewer and its author, who have read up to here. */
  readonly readers: readonly Person[];
}

/** What is replied to; without a name it is further up than what is shown. */
export interface Quoted {
  readonly messageId: string;
  readonly name: string | undefined;
  readonly text: string;
}

/** The room around messages, for what they show of it. */
export interface RoomScene {
  readonly viewerId: string | undefined;
  /** By which people here call an agent. */
  readonly handleOf: (agent: string) => string;
  /** What is an agent's or a member's name behind an `@`; undefined: nobody has one. */
  readonly mention: RegExp | undefined;
  readonly jumpTo: (messageId: string) => void;
  /** Undefined: the viewer may not. */
  readonly react: ((messageId: string, reaction: string, on: boolean) => void) | undefined;
}

/** Undefined: its owner is alone in the conversation. */
export const RoomContext = createContext<RoomScene | undefined>(undefined);
