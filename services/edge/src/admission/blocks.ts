import { ChatError } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { blockMs, createAbuseScores } from "./abuse-score.ts";
import type { Block, Blocked, BlockList } from "./block-list.ts";
import type { Offence } from "./gate.ts";
import { createHeldBlocks, nameOf, type HeldBlocks } from "./held-blocks.ts";

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

/** A block, and what is known of it beside its end. */
export type KnownBlock = Pick<Block, "kind" | "id" | "until_ms"> & Partial<Block>;

interface Offender {
  readonly address: string;
  readonly userId?: string | undefined;
}

/** Blocks here at once. Returns whether all edges know it. */
type Add = (block: Block) => Promise<boolean>;

export type Blocks = ReturnType<typeof createBlocks>;

const defaultEveryMs = 1_000;

/** Counts what clients do, and blocks who does too much. */
function createJudge({ list, isExempt, onBlocked, onOwnBlock }: BlocksDeps, held: HeldBlocks, add: Add) {
  const scores = createAbuseScores();
  const deciding = new Set<string>();

  /** What others know of it makes the block longer; while Redis is away it is the shortest. */
  const decide = async (blocked: Blocked, offence: Offence): Promise<void> => {
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
  };

  /** A user's deeds count against the user alone: others may share the address. */
  return (offence: Offence, { address, userId }: Offender): void => {
    const blocked: Blocked = userId === undefined ? { kind: "address", id: address } : { kind: "user", id: userId };
    if (blocked.kind === "address" && (address === "" || isExempt(address))) return;
    const name = nameOf(blocked);
    if (held.untilMs(blocked) !== undefined || deciding.has(name)) return;
    if (!scores.add(name, offence, performance.now())) return;
    deciding.add(name);
    void decide(blocked, offence).finally(() => deciding.delete(name));
  };
}

/** Who is kept out for a time: for what they did, or because a person wants it. On all edges within about a second; on this one alone while Redis is away. */
export function createBlocks(deps: BlocksDeps) {
  const { list, isExempt, onBlocked } = deps;
  const held = createHeldBlocks();
  const add: Add = async (block) => {
    held.add(block);
    onBlocked();
    const isShared = await share(list, block);
    if (isShared) held.shared(block);
    return isShared;
  };
  const polling = new AbortController();
  if (list !== undefined) void poll(deps, list, held, polling.signal);

  return {
    untilMs: held.untilMs,
    size: (): number => held.list().length,
    note: createJudge(deps, held, add),

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
      const wasCommon = await list.remove(blocked).catch((cause: unknown) => {
        const message = "Redis cannot be reached: the block is lifted on this edge only, and comes back. Try again.";
        throw new ChatError("OVERLOADED", { message, cause });
      });
      return wasCommon || wasThere;
    },

    /** Those that hold, with what is known of them. */
    async all(): Promise<readonly KnownBlock[]> {
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
  held: HeldBlocks,
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
