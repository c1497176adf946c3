import { ToolDefinition, toolCatalogueKey } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";

interface ToolCatalogueDeps {
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  readonly log: Logger;
}

export interface ToolCatalogue {
  /** Says what this worker can run. To be repeated (`announceEveryMs`): what nobody announces any more disappears. */
  announce(definitions: readonly ToolDefinition[]): Promise<void>;
  /** What the workers can run, sorted by name, as it was a few seconds ago. The last known list while Redis is down; never throws. */
  list(): Promise<ToolDefinition[]>;
  /** As `list`, but asked now: for who waits for a tool. */
  refresh(): Promise<ToolDefinition[]>;
  /** Whether Redis answered when it was last asked. */
  isKnown(): boolean;
}

export const announceEveryMs = 10_000;
/** A tool is gone when three announcements in a row are missing. */
const staleAfterMs = (everyMs: number): number => 3 * everyMs + 5_000;
/** Workers that do not say how often they announce. */
const FORMER_EVERY_MS = 30_000;
/** How long a Redis that is empty is not believed. */
const EMPTY_AFTER_MS = staleAfterMs(announceEveryMs);
/** Turns ask for the list at every step; it changes at deployments. */
const CACHE_MS = 3_000;
/** The first announcement must not be missed for long. */
const EMPTY_CACHE_MS = 200;

const Announcement = z.object({
  announced_at: z.number(),
  every_ms: z.number().min(0).max(600_000).default(FORMER_EVERY_MS),
  definition: ToolDefinition,
});

/** The list of tools in Redis: a hash with one field per tool. */
export function createToolCatalogue({ redis, log }: ToolCatalogueDeps): ToolCatalogue {
  let known: ToolDefinition[] = [];
  let knownAtMs = -Infinity;
  let askedAtMs = -Infinity;
  let isDown = false;
  let loading: Promise<ToolDefinition[]> | undefined;

  async function load(): Promise<ToolDefinition[]> {
    // Also a failure counts: a Redis that does not answer must not delay every step of every turn.
    askedAtMs = performance.now();
    try {
      const { found, isEmpty } = await readFresh(redis, log);
      // A Redis that came back without its data is empty until the workers announce again; that is not "no tools".
      const trusted = !isEmpty || performance.now() - knownAtMs > EMPTY_AFTER_MS;
      if (trusted) {
        known = found;
        knownAtMs = performance.now();
      }
      isDown = false;
    } catch (error) {
      isDown = true;
      log.debug({ err: error }, "the tool catalogue cannot be read");
    }
    return known;
  }

  function refresh(): Promise<ToolDefinition[]> {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  return {
    async announce(definitions) {
      if (definitions.length === 0) return;
      const now = await nowOf(redis);
      const fields = definitions.map((definition): [string, string] => {
        const announcement: z.input<typeof Announcement> = { announced_at: now, every_ms: announceEveryMs, definition };
        return [definition.name, JSON.stringify(announcement)];
      });
      await redis.hset(toolCatalogueKey, new Map(fields));
    },
    list() {
      const keptMs = known.length > 0 || isDown ? CACHE_MS : EMPTY_CACHE_MS;
      const isKept = performance.now() - askedAtMs < keptMs;
      return isKept && loading === undefined ? Promise.resolve(known) : refresh();
    },
    refresh,
    isKnown: () => askedAtMs > -Infinity && !isDown,
  };
}

/** Redis' clock, so that workers and agents need not agree on the time. */
async function nowOf(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}

async function readFresh(redis: Redis, log: Logger): Promise<{ found: ToolDefinition[]; isEmpty: boolean }> {
  const [now, fields] = await Promise.all([nowOf(redis), redis.hgetall(toolCatalogueKey)]);
  const found: ToolDefinition[] = [];
  for (const [name, text] of Object.entries(fields)) {
    const announcement = parseAnnouncement(text);
    if (announcement === undefined) log.warn({ tool: name }, "an announced tool cannot be understood");
    else if (now - announcement.announced_at <= staleAfterMs(announcement.every_ms))
      found.push(announcement.definition);
  }
  const sorted = found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return { found: sorted, isEmpty: Object.keys(fields).length === 0 };
}

function parseAnnouncement(text: string): z.output<typeof Announcement> | undefined {
  try {
    return Announcement.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: somebody else wrote it. The caller says so.
    return undefined;
  }
}
