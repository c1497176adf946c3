import type { Block, Blocked, BlockEnd } from "./block-list.ts";

/** Own blocks kept at most; the oldest goes. */
const maxOwn = 10_000;

export function nameOf({ kind, id }: Blocked): string {
  return `${kind} ${id}`;
}

/** Blocks of this edge that others do not know yet. */
function createOwnBlocks() {
  const own = new Map<string, Block>();
  return {
    get: (blocked: Blocked): Block | undefined => own.get(nameOf(blocked)),
    all: (): Block[] => [...own.values()],
    add(block: Block): void {
      own.delete(nameOf(block));
      own.set(nameOf(block), block);
      const [oldest] = own.keys();
      if (own.size > maxOwn && oldest !== undefined) own.delete(oldest);
    },
    drop: (blocked: Blocked): boolean => own.delete(nameOf(blocked)),
  };
}

export type HeldBlocks = ReturnType<typeof createHeldBlocks>;

/** What holds here: what all edges share, and own blocks that they do not know yet. */
export function createHeldBlocks() {
  let common = new Map<string, BlockEnd>();
  const own = createOwnBlocks();

  const untilMs = (blocked: Blocked): number | undefined => {
    const latest = Math.max(common.get(nameOf(blocked))?.untilMs ?? 0, own.get(blocked)?.until_ms ?? 0);
    return latest > Date.now() ? latest : undefined;
  };
  const list = (): BlockEnd[] => {
    const all = new Map<string, Blocked>(common);
    for (const block of own.all()) all.set(nameOf(block), block);
    return [...all.values()].flatMap(({ kind, id }) => {
      const until = untilMs({ kind, id });
      return until === undefined ? [] : [{ kind, id, untilMs: until }];
    });
  };

  return {
    untilMs,
    list,
    own: own.get,
    unshared: own.all,
    add: own.add,

    /** All edges know it now. */
    shared(block: Block): void {
      if (own.get(block) !== block) return;
      own.drop(block);
      common.set(nameOf(block), { kind: block.kind, id: block.id, untilMs: block.until_ms });
    },
    adopt({ kind, id, until_ms }: Block): void {
      common.set(nameOf({ kind, id }), { kind, id, untilMs: until_ms });
    },

    /** Returns whether somebody is kept out who was not before. */
    replaceShared(ends: readonly BlockEnd[]): boolean {
      const isNew = ends.some((end) => untilMs(end) === undefined);
      common = new Map(ends.map((end) => [nameOf(end), end]));
      return isNew;
    },

    remove(blocked: Blocked): boolean {
      const wasThere = untilMs(blocked) !== undefined;
      own.drop(blocked);
      common.delete(nameOf(blocked));
      return wasThere;
    },
  };
}
