import { fileURLToPath } from "node:url";
import { LimitsFile, createMay, type May } from "@parley/protocol";
import { openLiveFile, type LiveFile } from "./live-file.ts";
import type { Logger } from "./logger.ts";

const shipped = fileURLToPath(new URL("../../../config/limits.yaml", import.meta.url));

/** `config/limits.yaml` as it is now. */
export interface LiveLimits extends LiveFile<LimitsFile> {
  /** By the roles of the file as it is now. */
  readonly may: May;
}

/** Opens the file that is named, or the shipped one if it is there. Throws a StartError with every problem when it cannot be used. */
export async function openLimits({
  file,
  log,
  everyMs,
}: {
  readonly file: string | undefined;
  readonly log: Logger;
  readonly everyMs?: number;
}): Promise<LiveLimits> {
  const live = await openLiveFile({
    file: file ?? shipped,
    what: "the limits",
    schema: LimitsFile,
    isOptional: file === undefined,
    log,
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  let { roles } = live.current();
  let may = createMay(roles);
  return {
    ...live,
    may(caller, action, resource) {
      const { roles: now } = live.current();
      if (now !== roles) {
        roles = now;
        may = createMay(roles);
      }
      return may(caller, action, resource);
    },
  };
}
