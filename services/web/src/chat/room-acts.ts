import type { Conversation } from "@parley/client";
import { createContext } from "react";
import type { Here } from "./use-room.ts";
import type { Caret } from "./waiting-editor.tsx";

/** The text of a message while its author changes it. */
export interface Editing {
  readonly messageId: string;
  readonly text: string;
  readonly caret: Caret | undefined;
}

/** What can be done with messages of a room. */
export interface RoomActs {
  readonly here: Here;
  readonly conversation: Conversation;
  /** Says why something was not done, if it was not. */
  readonly attempt: (work: Promise<void>) => void;
  readonly reply: (messageId: string) => void;
  readonly editing: Editing | undefined;
  readonly edit: (change: Editing | undefined | ((now: Editing | undefined) => Editing | undefined)) => void;
}

/** Undefined: nobody else has a part in the conversation, or it stands in a page of somebody else's. */
export const RoomActsContext = createContext<RoomActs | undefined>(undefined);
