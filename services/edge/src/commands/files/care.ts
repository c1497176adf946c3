import { randomUUID } from "node:crypto";
import type { Bus } from "@parley/bus";
import type { FileRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { FileFigures } from "../../figures/file-figures.ts";
import type { FileSettings } from "./files.ts";

export interface FileCareDeps {
  readonly files: Bus["files"];
  readonly privacy: Pick<Bus["privacy"], "heldBy">;
  readonly settings: FileSettings;
  readonly figures: Pick<FileFigures, "cared">;
  readonly log: Logger;
}

const mostEveryMs = 10 * 60_000;
const leastEveryMs = 1_000;

/**
 * Looks after files that nobody sends, and parts that no record names: one edge at a time does, whichever is first when a round is due. Returns how to stop.
 */
export function startFileCare({ files, privacy, settings, figures, log }: FileCareDeps): () => void {
  const { keepUnattachedMs } = settings;
  const everyMs = Math.max(leastEveryMs, Math.min(mostEveryMs, keepUnattachedMs / 4));
  const stopping = new AbortController();
  const { signal } = stopping;
  const by = randomUUID();
  const isHeld = async ({ user, tenant }: FileRecord): Promise<boolean> =>
    (await privacy.heldBy({ tenant, users: [user] })) !== undefined;
  const round = async (): Promise<void> => {
    const isOurs = await files.care.claim(by, everyMs);
    figures.cared(isOurs ? await files.care.round({ keepUnattachedMs, isHeld, signal }) : undefined);
  };
  const work = async (): Promise<void> => {
    while (!signal.aborted) {
      // Not all edges at once, and not when they start.
      await sleep(everyMs * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) return;
      await round().catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err }, "files could not be looked after: it is tried again");
      });
    }
  };
  void work().catch((err: unknown) => log.error({ err }, "nobody looks after files here any more"));
  return () => stopping.abort();
}
