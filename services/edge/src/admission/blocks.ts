import { ChatError } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { blockMs, createAbuseScores } from "./abuse-score.ts";
import type { Block, Blocked, BlockList } from "./block-list.ts";
import type { Offence } from "./gate.ts";

export interface BlocksDeps {
  /** Undefined: there is no Redis here; this edge blocks alone. */
  readonly list: BlockList | undefined;
  /** Addresses that are never blocked. */
  readonly isExempt: (address: string) => boolean;
  /** Somebody is kept out who was not before. */
  readonly onBlocked: () => void;
  /** Told of each block that this edge makes for what somebody did. */
  readonly onOwnBlock: (block: Block) => void;
  readonly log: Logger;
  /** How often Redis is asked whether there are others. Default: 1 s. */
  readonly everyMs?: number;
}

/** What a person wants to be blocked. */
export interface BlockOrder extends Blocked {
  readonly forMs: number;
  readonly by: string;
  readonly reason: string;
}

export type Blocks = ReturnType<typeof createBlocks>;

const defaultEveryMs = 1_000;

/** Who is kept out for a time: for what they did, or because a person wants it. On all edges within about a second; on this one alone while Redis is away. */
export function createBlocks(deps: BlocksDeps) {
  const { list, isExempt, onBlocked, onOwnBlock } = deps;
  const scores = createAbuseScores();
  const held = createHeld();
  const deciding = new Set<string>();

  const add = async (block: Block): Promise<boolean> => {
    held.addOwn(block);
    onBlocked();
    const isShared = await share(list, block);
    if (isShared) held.shared(block);
    return isShared;
  };

  /** Enough was counted. What others know of it makes the block longer; while Redis is away it is the shortest. */
  const decide = async (blocked: Blocked, offence: Offence): Promise<void> => {
    const name = `${blocked.kind} ${blocked.id}`;
    if (deciding.has(name)) return;
    deciding.add(name);
    try {
      const before = (await list?.details(blocked).catch(() => undefined)) ?? held.own(blocked);
      const ts = Date.now();
      // Another edge came first: it counts once.
      if (before !== undefined && before.until_ms > ts) {
        held.adopt(before);
        return onBlocked();
      }
      const nth = (before?.nth ?? 0) + 1;
      const block: Block = { ...blocked, until_ms: ts + blockMs(nth), nth, by: "gate", reason: offence, ts };
      onOwnBlock(block);
      await add(block);
    } finally {
      deciding.delete(name);
    }
  };

  const polling = new AbortController();
  if (list !== undefined) void poll(deps, list, held, polling.signal);

  return {
    untilMs: held.untilMs,
    size: held.size,

    /** Counts what somebody did, a user's against the user alone: others may share the address. */
    note(
      offence: Offence,
      { address, userId }: { readonly address: string; readonly userId?: string | undefined },
    ): void {
      const blocked: Blocked = userId === undefined ? { kind: "address", id: address } : { kind: "user", id: userId };
      if (blocked.kind === "address" && (address === "" || isExempt(address))) return;
      if (held.untilMs(blocked) !== undefined) return;
      if (scores.add(`${blocked.kind} ${blocked.id}`, offence, performance.now())) void decide(blocked, offence);
    },

    /** `isShared` false: Redis is away; other edges hear of it when it is back. Throws INVALID_FRAME for an address that is exempt. */
    async block({
      kind,
      id,
      forMs,
      by,
      reason,
    }: BlockOrder): Promise<{ readonly block: Block; readonly isShared: boolean }> {
      if (kind === "address" && isExempt(id)) {
        throw new ChatError("INVALID_FRAME", { message: "This address is exempt: it cannot be blocked." });
      }
      const ts = Date.now();
      const block: Block = { kind, id, until_ms: ts + forMs, nth: 0, by, reason, ts };
      return { block, isShared: await add(block) };
    },

    /** Returns whether there was one. Throws OVERLOADED while Redis is away: other edges, and this one later, would go on. */
    async lift(blocked: Blocked): Promise<boolean> {
      const wasThere = held.remove(blocked);
      if (list === undefined) return wasThere;
      try {
        return (await list.remove(blocked)) || wasThere;
      } catch (cause) {
        const message = "Redis cannot be reached: the block is lifted on this edge only, and comes back. Try again.";
        throw new ChatError("OVERLOADED", { message, cause });
      }
    },

    /** Those that hold, with what is known of them. */
    async all(): Promise<readonly (Blocked & { readonly until_ms: number } & Partial<Block>)[]> {
      const ends = held.list();
      const known = (await list?.all(ends).catch(() => undefined)) ?? [];
      return ends.map((end, index) => {
        const { kind, id, untilMs } = end;
        return { ...(held.own(end) ?? known[index]), kind, id, until_ms: untilMs };
      });
    },

    close: (): void => polling.abort(),
  };
}

async function share(list: BlockList | undefined, block: Block): Promise<boolean> {
  if (list === undefined) return false;
  return list.put(block).then(
    () => true,
    () => false,
  );
}

/** Brings this edge's own blocks to Redis when it is back, and those of others here. */
async function poll(
  { onBlocked, everyMs = defaultEveryMs, log }: BlocksDeps,
  list: BlockList,
  held: ReturnType<typeof createHeld>,
  signal: AbortSignal,
): Promise<void> {
  let seen: string | undefined;
  while (!signal.aborted) {
    try {
      for (const block of held.unshared()) {
        await list.put(block);
        held.shared(block);
      }
      const version = await list.version();
      if (version !== seen) {
        if (held.replaceShared(await list.ends())) onBlocked();
        seen = version;
      }
    } catch (err) {
      log.debug({ err }, "the list of blocks cannot be read");
    }
    await sleep(everyMs, signal);
  }
}

/** Own blocks kept at most; the oldest goes. */
const maxOwn = 10_000;

/** What holds here: what all edges share, and own blocks that they do not know yet. */
function createHeld() {
  const nameOf = ({ kind, id }: Blocked): string => `${kind} ${id}`;
  let common = new Map<string, Blocked & { readonly untilMs: number }>();
  const own = new Map<string, Block>();
  const unshared = new Set<string>();

  const untilMs = (blocked: Blocked): number | undefined => {
    const name = nameOf(blocked);
    // The clock of who wrote it may be far ahead.
    const latest = Math.max(common.get(name)?.untilMs ?? 0, own.get(name)?.until_ms ?? 0);
    return latest > Date.now() ? latest : undefined;
  };
  const drop = (name: string): void => {
    own.delete(name);
    unshared.delete(name);
  };

  return {
    untilMs,
    size: (): number => new Set([...common.keys(), ...own.keys()]).size,
    own: (blocked: Blocked): Block | undefined => own.get(nameOf(blocked)),

    list(): (Blocked & { readonly untilMs: number })[] {
      const all = new Map<string, Blocked>([...common, ...own]);
      return [...all.values()].flatMap(({ kind, id }) => {
        const until = untilMs({ kind, id });
        return until === undefined ? [] : [{ kind, id, untilMs: until }];
      });
    },

    addOwn(block: Block): void {
      const name = nameOf(block);
      drop(name);
      own.set(name, block);
      unshared.add(name);
      const [oldest] = own.keys();
      if (own.size > maxOwn && oldest !== undefined) drop(oldest);
    },
    unshared: (): Block[] => [...unshared].flatMap((name) => own.get(name) ?? []),
    /** All edges know it now. */
    shared(block: Block): void {
      const name = nameOf(block);
      if (own.get(name) !== block) return;
      drop(name);
      common.set(name, { kind: block.kind, id: block.id, untilMs: block.until_ms });
    },
    adopt({ kind, id, until_ms }: Block): void {
      common.set(nameOf({ kind, id }), { kind, id, untilMs: until_ms });
    },

    /** Returns whether somebody is kept out who was not before. */
    replaceShared(ends: readonly (Blocked & { readonly untilMs: number })[]): boolean {
      const isNew = ends.some((end) => untilMs(end) === undefined);
      common = new Map(ends.map((end) => [nameOf(end), end]));
      return isNew;
    },

    remove(blocked: Blocked): boolean {
      const wasThere = untilMs(blocked) !== undefined;
      drop(nameOf(blocked));
      common.delete(nameOf(blocked));
      return wasThere;
    },
  };
}
