import { createContext, type Dispatch, type SetStateAction } from "react";
import type { Caret } from "./waiting-editor.tsx";

/** The text of a message that was sent, while its author changes it. */
export interface Revision {
  readonly turnId: string;
  readonly text: string;
  readonly caret: Caret | undefined;
}

/** Which of two buttons was used, so that its successor has the focus. */
export type Step = "before" | "after";

/** What can be done with the turns of a conversation that are shown. */
export interface Branching {
  /** Shows the newest branch through a turn; `step`: the button that has the focus, and goes with the message it stands at. */
  readonly choose: (turnId: string, step: Step) => void;
  /** The button that is to have the focus where this turn is shown now; once. */
  readonly takeFocus: (turnId: string) => Step | undefined;
  /** Why a turn could not be shown. */
  readonly problem: { readonly turnId: string; readonly error: unknown } | undefined;
  /** Asks something in the place of a turn; undefined while an answer runs, or a person answers. */
  readonly askInstead: ((text: string, turnId: string) => void) | undefined;
  /** What was asked in a turn that is shown. */
  readonly questionOf: (turnId: string) => string | undefined;
  /** Whether whoever looks has asked it. */
  readonly isOwnTurn: (turnId: string) => boolean;
  /** Who looks at it, where that is known: others' messages are theirs to change. */
  readonly userId: string | undefined;
  readonly revision: Revision | undefined;
  readonly revise: Dispatch<SetStateAction<Revision | undefined>>;
}

export const BranchingContext = createContext<Branching | undefined>(undefined);
