import { newestMessages } from "@parley/protocol/branches";
import {
  createView,
  foldFrame,
  hasBranches,
  messages,
  treeOf,
  type EventFrame,
  type SnapshotFrame,
  type TurnPlace,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** Turns as an edge lets them pass: behind an earlier one, a beginning, or in the place of one, behind what that stands behind. */
const conversations = fc
  .array(fc.tuple(fc.constantFrom("plain", "behind", "beginning", "instead"), fc.nat()), { maxLength: 30 })
  .map((steps) => {
    const turns: TurnPlace[] = [];
    const parents: (string | null)[] = [];
    for (const [at, [kind, pick]] of steps.entries()) {
      const turn_id = `t${at}`;
      const other = at === 0 ? undefined : pick % at;
      const before = at === 0 ? null : `t${at - 1}`;
      if (other === undefined || kind === "plain") {
        turns.push({ turn_id });
        parents.push(before);
      } else {
        const supersedes = `t${other}`;
        const behind = { behind: `t${other}`, beginning: null, instead: parents[other] ?? null } as const;
        const parent = kind === "behind" || kind === "beginning" || kind === "instead" ? behind[kind] : null;
        turns.push({ turn_id, parent, ...(kind === "instead" ? { supersedes } : {}) });
        parents.push(parent);
      }
    }
    return { turns, parents };
  });

describe("a tree of turns", () => {
  test("has each turn at the end of one path that leads from a beginning over its parents", () => {
    fc.assert(
      fc.property(conversations, ({ turns, parents }) => {
        // Where nothing is before it, the first turn is a beginning.
        const tree = treeOf(turns.map((turn, at) => (at === 0 ? { ...turn, parent: null } : turn)));
        for (const [at, { turn_id }] of turns.entries()) {
          const path = tree.pathTo(turn_id);
          expect(path.at(-1)).toBe(turn_id);
          expect(tree.parentOf(turn_id)).toBe(parents[at]);
          expect(path.map((id) => tree.parentOf(id))).toEqual([null, ...path.slice(0, -1)]);
          expect(tree.siblingsOf(turn_id)).toEqual(
            turns.filter((_, other) => parents[other] === parents[at]).map((other) => other.turn_id),
          );
          expect(tree.pathTo(tree.leafOf(turn_id))).toContain(turn_id);
        }
      }),
    );
  });

  test("is one path where nobody says anything", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (count) => {
        const turns = Array.from({ length: count }, (_, at) => ({ turn_id: `t${at}` }));
        expect(hasBranches(turns)).toBe(false);
        expect(treeOf(turns).pathTo(`t${count - 1}`)).toHaveLength(count);
      }),
    );
  });

  test("comes to an end also where somebody says nonsense", () => {
    const ids = fc.constantFrom("t0", "t1", "t2", "t3", "elsewhere");
    const anything = fc.array(fc.record({ parent: fc.option(ids), supersedes: ids, siblings: fc.array(ids) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(anything, (said) => {
        const turns = said.map((place, at) => ({ turn_id: `t${at}`, ...place }));
        const tree = treeOf(turns);
        for (const { turn_id } of turns) {
          expect(tree.pathTo(turn_id).at(-1)).toBe(turn_id);
          expect(tree.pathTo(tree.leafOf(turn_id)).at(-1)).toBe(tree.leafOf(turn_id));
        }
      }),
    );
  });

  test("knows of the end of a conversation that a turn stands beside another one, whatever was before", () => {
    const tree = treeOf([{ turn_id: "t5" }, { turn_id: "t6" }, { turn_id: "again", parent: "t4", supersedes: "t5" }]);
    expect(tree.parentOf("t5")).toBe("t4");
    expect(tree.siblingsOf("t5")).toEqual(["t5", "again"]);
    expect(tree.pathTo("again")).toEqual(["again"]);
    expect(tree.leafOf("t5")).toBe("t6");
  });
});

const common = { conversation_id: "c1", ts: 0 };

function said(seq: number, { turn_id, parent, supersedes }: TurnPlace): EventFrame {
  const place = { ...(parent === undefined ? {} : { parent }), ...(supersedes === undefined ? {} : { supersedes }) };
  const about = { message_id: `${turn_id}-u`, id: turn_id, author: { role: "user" as const }, message: turn_id };
  return { type: "message", ...common, seq, turn_id, ...about, ...place };
}

function whole(seq: number, turns: readonly TurnPlace[]): SnapshotFrame {
  const stored = turns.map(({ turn_id, parent, siblings }) => ({
    ...{ message_id: `${turn_id}-u`, turn_id, author: { role: "user" as const }, message: turn_id, ts: 0 },
    ...(parent === undefined ? {} : { parent }),
    ...(siblings === undefined ? {} : { siblings: [...siblings] }),
    status: "complete" as const,
  }));
  return { type: "snapshot", ...common, seq, messages: stored, status: "idle" };
}

const folded = (...frames: readonly (EventFrame | SnapshotFrame)[]) => frames.reduce(foldFrame, createView("c1"));
const idsIn = (view: ReturnType<typeof folded>): string[] => newestMessages(view).map(({ turn_id }) => turn_id);

describe("what is shown of a view", () => {
  test("is the path to the newest turn, event by event", () => {
    fc.assert(
      fc.property(conversations, ({ turns }) => {
        let view = createView("c1");
        for (const [at, turn] of turns.entries()) {
          view = foldFrame(view, said(at + 1, turn));
          expect(idsIn(view)).toEqual(treeOf(turns.slice(0, at + 1)).pathTo(turn.turn_id));
        }
      }),
    );
  });

  test("is the same for who comes later and gets that path in a snapshot", () => {
    fc.assert(
      fc.property(conversations, ({ turns, parents }) => {
        fc.pre(turns.length > 0);
        const last = turns.at(-1)?.turn_id ?? "";
        const tree = treeOf(turns.map((turn, at) => (at === 0 ? { ...turn, parent: null } : turn)));
        const path = tree.pathTo(last).map((turn_id) => ({
          turn_id,
          parent: parents[Number(turn_id.slice(1))] ?? null,
          ...(tree.siblingsOf(turn_id).length > 1 ? { siblings: tree.siblingsOf(turn_id) } : {}),
        }));
        const view = folded(whole(1, path));
        expect(idsIn(view)).toEqual(path.map(({ turn_id }) => turn_id));
        expect(newestMessages(view).map(({ siblings }) => siblings)).toEqual(path.map(({ siblings }) => siblings));
      }),
    );
  });

  test("in a conversation without branches it is the very list of all messages", () => {
    const view = folded(whole(1, [{ turn_id: "t0" }, { turn_id: "t1" }]), said(2, { turn_id: "t2" }));
    expect(newestMessages(view)).toBe(messages(view));
  });

  test("a new turn in the place of one that was told in a snapshot is one more of its siblings", () => {
    const path = [{ turn_id: "t0" }, { turn_id: "t1", parent: "t0", siblings: ["t1", "t2"] }];
    const view = folded(whole(1, path), said(2, { turn_id: "t3", parent: "t0", supersedes: "t1" }));
    expect(newestMessages(view).map(({ turn_id, siblings }) => [turn_id, siblings])).toEqual([
      ["t0", undefined],
      ["t3", ["t1", "t2", "t3"]],
    ]);
    expect(newestMessages(view)[0]).toBe(messages(view)[0]);
    // What has not changed is the same object after an event that says nothing of it.
    const later = foldFrame(view, { type: "token", ...common, seq: 3, turn_id: "t3", attempt: 1, n: 0, token: "so" });
    expect(newestMessages(later)[1]).toBe(newestMessages(view)[1]);
  });

  test("a snapshot that cuts the conversation between a turn and its parent shows what it has", () => {
    const view = folded(
      whole(1, [
        { turn_id: "t7", parent: "t3" },
        { turn_id: "t8", parent: "t7" },
      ]),
    );
    expect(idsIn(view)).toEqual(["t7", "t8"]);
  });
});
