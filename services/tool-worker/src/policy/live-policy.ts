import { fileURLToPath } from "node:url";
import { openLiveFile, type Logger } from "@parley/runtime";
import { PolicyFile } from "./policy-file.ts";
import { decide, type Question, type Verdict } from "./verdict.ts";

const shipped = fileURLToPath(new URL("../../../../config/tool-policy.yaml", import.meta.url));

/** The policy as it is now. */
export interface Policy {
  decide(question: Question): Verdict;
}

export interface LivePolicy extends Policy {
  /** Why the newest change does not count; empty when it does. */
  problems(): readonly string[];
  close(): void;
}

/** Opens the file that is named, or the shipped one if it is there. Throws a StartError with every problem when it cannot be used. */
export async function openPolicy({
  file,
  log,
  everyMs,
}: {
  readonly file: string | undefined;
  readonly log: Logger;
  readonly everyMs?: number;
}): Promise<LivePolicy> {
  const live = await openLiveFile({
    file: file ?? shipped,
    what: "the policy for tools",
    schema: PolicyFile,
    isOptional: file === undefined,
    log,
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  return { decide: (question) => decide(live.current(), question), problems: live.problems, close: live.close };
}
