import type { TurnId } from "./ids.ts";

export { beginning } from "./branch-fields.ts";

/**
 * A conversation as a tree of turns (docs/adr/0027). Pure functions of a list of turns in the order of acceptance, which may be a part of the conversation:
 * its end, or a path. A turn without a parent was asked behind the one before it in the list.
 */

export interface TurnPlace {
  readonly turn_id: TurnId;
  /** null: it is a beginning. Absent: the one before it in the list. */
  readonly parent?: TurnId | null | undefined;
  readonly supersedes?: TurnId | undefined;
  /** All turns with its parent, itself too, as far as whoever told of it knew: perhaps turns that are not in the list. */
  readonly siblings?: readonly TurnId[] | undefined;
}

export interface TurnTree {
  readonly has: (turn: TurnId) => boolean;
  /** Undefined: it is the first of the list, and does not say. */
  readonly parentOf: (turn: TurnId) => TurnId | null | undefined;
  /** The turns with the same parent, oldest first, itself too. */
  readonly siblingsOf: (turn: TurnId) => readonly TurnId[];
  /** The turns that lead to it and itself, oldest first, as far as the list has them. */
  readonly pathTo: (turn: TurnId) => readonly TurnId[];
  /** The newest turn behind it; itself where there is none. */
  readonly leafOf: (turn: TurnId) => TurnId;
}

/** Whether it is more than one path; also true where only what is not in the list can tell. */
export function hasBranches(turns: readonly TurnPlace[]): boolean {
  return turns.some(
    ({ parent, siblings }, at) =>
      (siblings !== undefined && siblings.length > 1) || (parent !== undefined && parent !== turns[at - 1]?.turn_id),
  );
}

export function treeOf(turns: readonly TurnPlace[]): TurnTree {
  const parents = parentsIn(turns);
  const families = familiesIn(turns, parents);
  const pathTo = (turn: TurnId): readonly TurnId[] => {
    const path: TurnId[] = [];
    for (let at: TurnId | null | undefined = turn; typeof at === "string" && parents.has(at); at = parents.get(at))
      path.push(at);
    return path.toReversed();
  };
  return {
    has: (turn) => parents.has(turn),
    parentOf: (turn) => parents.get(turn),
    siblingsOf: (turn) => families.get(parents.get(turn)) ?? [turn],
    pathTo,
    leafOf(turn) {
      const below = new Set([turn]);
      let leaf = turn;
      for (const [other, parent] of parents) {
        if (typeof parent !== "string" || !below.has(parent)) continue;
        below.add(other);
        leaf = other;
      }
      return leaf;
    },
  };
}

/**
 * Of the first turn nobody knows the parent, unless one that took its place says it. A parent comes before its turn in the list or is not in it: what says otherwise, which no
 * edge lets pass, ends a path there and makes no circle.
 */
function parentsIn(turns: readonly TurnPlace[]): Map<TurnId, TurnId | null | undefined> {
  const parents = new Map<TurnId, TurnId | null | undefined>();
  const listed = new Set(turns.map(({ turn_id }) => turn_id));
  let before: TurnId | undefined;
  for (const { turn_id, parent: said, supersedes } of turns) {
    const isBeside = supersedes !== undefined && parents.has(supersedes);
    const beside = isBeside ? parents.get(supersedes) : before;
    const parent = said === undefined ? beside : said;
    const isListed = typeof parent === "string" && listed.has(parent);
    parents.set(turn_id, isListed && !parents.has(parent) ? undefined : parent);
    if (isBeside && !isListed && parents.get(supersedes) === undefined) parents.set(supersedes, parent);
    before = turn_id;
  }
  return parents;
}

/** By their parents: those in the list, and those that only somebody else has told of. */
function familiesIn(
  turns: readonly TurnPlace[],
  parents: ReadonlyMap<TurnId, TurnId | null | undefined>,
): ReadonlyMap<TurnId | null | undefined, readonly TurnId[]> {
  const families = new Map<TurnId | null | undefined, Set<TurnId>>();
  for (const { turn_id, siblings = [], supersedes } of turns) {
    const parent = parents.get(turn_id);
    const family = families.get(parent) ?? new Set<TurnId>();
    families.set(parent, family);
    for (const told of siblings) family.add(told);
    if (supersedes !== undefined) family.add(supersedes);
    family.add(turn_id);
  }
  return new Map([...families].map(([parent, family]) => [parent, [...family]]));
}
