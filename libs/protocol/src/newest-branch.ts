import { hasBranches, treeOf, type TurnPlace } from "./branches.ts";
import type { TurnId } from "./ids.ts";

type Message = Pick<TurnPlace, "turn_id" | "siblings"> & {
  /** It is a message between people, and of no branch. */
  readonly post?: number | undefined;
};
type WithSiblings<M> = (message: M, siblings: readonly TurnId[]) => M;

/** Gives a message its siblings; the same object as the last time, if nothing has changed. One for each place that shows messages. */
export function createWithSiblings<M extends Message>(): WithSiblings<M> {
  const made = new WeakMap<M, M>();
  return (message, siblings) => {
    if (siblings.length < 2) return message;
    const before = made.get(message);
    if (before?.siblings?.join() === siblings.join()) return before;
    const now = { ...message, siblings };
    made.set(message, now);
    return now;
  };
}

/**
 * Of the messages of these turns, which are in the order of acceptance, those of the newest turn's branch, each with its siblings, and those of turns that are wanted in any
 * case and what people say to each other; the same list where there is one branch only.
 */
export function newestBranch<M extends Message>(
  all: readonly M[],
  turns: readonly TurnPlace[],
  withSiblings: WithSiblings<M>,
  wanted: Iterable<TurnId> = [],
): readonly M[] {
  const last = turns.at(-1);
  if (last === undefined || !hasBranches(turns)) return all;
  const tree = treeOf(turns);
  const path = new Set([...tree.pathTo(last.turn_id), ...wanted]);
  return all.flatMap((message) =>
    message.post !== undefined
      ? [message]
      : path.has(message.turn_id)
        ? withSiblings(message, tree.siblingsOf(message.turn_id))
        : [],
  );
}
