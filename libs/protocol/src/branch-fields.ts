import { TurnId } from "./ids.ts";

/**
 * Where a turn stands among those of its conversation (docs/adr/0027): a conversation is a tree of turns. What is not there is as if it was never said:
 * a turn that says nothing was asked behind the one before it.
 */

export const Parent = TurnId.nullable();

/** Of what is stored, and of events. */
export const branchFields = {
  parent: Parent.optional().describe(
    "The turn behind which it was asked; null: none, it is a beginning. Absent: the one before it.",
  ),
  supersedes: TurnId.optional().describe(
    "The turn in whose place it was asked: the same question once more, or another text. Both have the same parent.",
  ),
};

/** In the record of a turn, where readers before branches know nothing but ids: what stands for null. */
export const beginning: TurnId = "-";
