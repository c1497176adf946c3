import { addCounts, withDeadline, type Registry } from "@parley/runtime";
import type { Facts } from "./facts.ts";

/** What became of the facts that a process wanted to write, and how many it read. */
export function addFactFigures(registry: Registry, { counts }: Pick<Facts, "counts">): void {
  const written = "Facts that were written: what was said, licences and results of calls, requests to cancel.";
  const refused = "Facts that were not written because another one was first: that one counts.";
  addCounts(registry, {
    ...{ name: "parley_facts_written_total", help: written, label: "kind" },
    read: () => Object.entries(counts.written),
  });
  addCounts(registry, {
    ...{ name: "parley_facts_refused_total", help: refused, label: "kind" },
    read: () => Object.entries(counts.refused),
  });
  addCounts(registry, {
    ...{ name: "parley_fact_accesses_total", label: "what" },
    help: "Facts that were looked up (`read`), and that could not be written for want of room (`no_room`).",
    read: () => [
      ["read", counts.read],
      ["no_room", counts.withoutRoom],
    ],
  });
}

/** From where on somebody should look. */
const nearlyFull = 0.8;

/** Probes are waited for. */
const lookMs = 300;

/** For probes: a sentence when the memory of decisions is nearly full, and one when it is. Throws when the broker does not answer soon. */
export async function factNotes({ fill }: Pick<Facts, "fill">): Promise<string[]> {
  const share = await withDeadline(fill(), lookMs, "the look at the facts");
  if (share < nearlyFull) return [];
  const percent = Math.round(share * 100);
  const then = share < 1 ? "when it is full, new messages are refused" : "new messages are refused";
  return [`The fullest stream of facts holds ${percent} % of FACTS_MAX_BYTES: ${then}.`];
}
