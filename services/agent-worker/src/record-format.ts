import type { Bus } from "@parley/bus";
import type { RecordFormat } from "@parley/protocol";
import type { Config } from "./config.ts";

export interface ChosenFormat {
  readonly format: RecordFormat;
  /** For probes: a sentence where an operator has still to say that one record per turn may be written. */
  readonly notes: readonly string[];
}

const waitsForWord =
  "Transcripts are written as a record per message, because an earlier version has made their log: RECORD_FORMAT (docs/upgrading.md).";

/** How this worker records turns: as it is told to, or else so that every version that has ever used this log can read it. */
export function chosenFormat(
  { RECORD_FORMAT }: Pick<Config, "RECORD_FORMAT">,
  { recordFormat: format }: Pick<Bus, "recordFormat">,
): ChosenFormat {
  if (RECORD_FORMAT !== "auto") return { format: RECORD_FORMAT === "2" ? 2 : 1, notes: [] };
  return { format, notes: format === 1 ? [waitsForWord] : [] };
}
