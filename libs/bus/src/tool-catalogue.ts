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
  /** What the workers can run, sorted by name. The last known list while Redis is down; never throws. */
  list(): Promise<ToolDefinition[]>;
}

export const announceEveryMs = 30_000;
/** A tool is gone when three announcements in a row are missing. */
const STALE_AFTER_MS = 3 * announceEveryMs + 5_000;
/** Turns ask for the list at every step; it changes at deployments. */
const CACHE_MS = 3_000;

const Announcement = z.object({ announced_at: z.number(), definition: ToolDefinition });

/** The list of tools in Redis: a hash with one field per tool. */
export function createToolCatalogue({ redis, log }: ToolCatalogueDeps): ToolCatalogue {
  let known: ToolDefinition[] = [];
  let knownAtMs = -Infinity;
  let askedAtMs = -Infinity;
  let loading: Promise<ToolDefinition[]> | undefined;

  async function load(): Promise<ToolDefinition[]> {
    // Also a failure counts: a Redis that does not answer must not delay every step of every turn.
    askedAtMs = performance.now();
    try {
      const found = await readFresh(redis, log);
      // A Redis that came back without its data is empty until the workers announce again; that is not "no tools".
      const trusted = found.length > 0 || performance.now() - knownAtMs > STALE_AFTER_MS;
      if (trusted) {
        known = found;
        knownAtMs = performance.now();
      }
    } catch (error) {
      log.debug({ err: error }, "the tool catalogue cannot be read");
    }
    return known;
  }

  return {
    async announce(definitions) {
      if (definitions.length === 0) return;
      const now = await nowOf(redis);
      const fields = definitions.map((definition): [string, string] => {
        const announcement: z.input<typeof Announcement> = { announced_at: now, definition };
        return [definition.name, JSON.stringify(announcement)];
      });
      await redis.hset(toolCatalogueKey, new Map(fields));
    },
    list() {
      if (loading === undefined && performance.now() - askedAtMs < CACHE_MS) return Promise.resolve(known);
      loading ??= load().finally(() => {
        loading = undefined;
      });
      return loading;
    },
  };
}

/** Redis' clock, so that workers and agents need not agree on the time. */
async function nowOf(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}

async function readFresh(redis: Redis, log: Logger): Promise<ToolDefinition[]> {
  const [now, fields] = await Promise.all([nowOf(redis), redis.hgetall(toolCatalogueKey)]);
  const found: ToolDefinition[] = [];
  for (const [name, text] of Object.entries(fields)) {
    const announcement = parseAnnouncement(text);
    if (announcement === undefined) log.warn({ tool: name }, "an announced tool cannot be understood");
    else if (now - announcement.announced_at <= STALE_AFTER_MS) found.push(announcement.definition);
  }
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function parseAnnouncement(text: string): z.output<typeof Announcement> | undefined {
  try {
    return Announcement.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: somebody else wrote it. The caller says so.
    return undefined;
  }
}
