import { hasBranches, treeOf, type TurnPlace } from "./branches.ts";
import type { TurnId } from "./ids.ts";

/** Gives a message its siblings; the same object as the last time, if nothing has changed. One for each place that shows messages. */
export function createWithSiblings<M extends TurnPlace>(): (message: M, siblings: readonly TurnId[]) => M {
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
 * Of messages in the order of their turns those of the newest turn's branch, each with its siblings, and those of turns that are wanted in any case; the same list where there
 * is one branch only.
 */
export function newestBranch<M extends TurnPlace>(
  all: readonly M[],
  withSiblings: (message: M, siblings: readonly TurnId[]) => M,
  wanted: Iterable<TurnId> = [],
): readonly M[] {
  if (all.every(({ parent, siblings }) => parent === undefined && siblings === undefined)) return all;
  const turns = turnsIn(all);
  const last = turns.at(-1);
  if (last === undefined || !hasBranches(turns)) return all;
  const tree = treeOf(turns);
  const path = new Set([...tree.pathTo(last.turn_id), ...wanted]);
  return all.flatMap((message) =>
    path.has(message.turn_id) ? withSiblings(message, tree.siblingsOf(message.turn_id)) : [],
  );
}

function turnsIn(all: readonly TurnPlace[]): TurnPlace[] {
  const turns = new Map<TurnId, TurnPlace>();
  for (const message of all) if (!turns.has(message.turn_id)) turns.set(message.turn_id, message);
  return [...turns.values()];
}
