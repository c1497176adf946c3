import { addCounts, Gauge, type Registry } from "@parley/runtime";
import type { KeyFigures } from "./sealing.ts";

/** What a process that encrypts says of its keys. */
export function addKeyFigures(registry: Registry, { cached, keys, notOpened }: KeyFigures): void {
  const gauge = new Gauge({
    name: "parley_data_keys_cached",
    help: "Data keys that this process holds unwrapped. Only where encryption at rest is on.",
    registers: [registry],
    collect(): void {
      gauge.set(cached());
    },
  });
  addCounts(registry, {
    ...{ name: "parley_data_keys_total", label: "what" },
    help: "Data keys that were made, unwrapped, and could not be unwrapped (`unwrap_error`: no master key here, or the service of keys does not answer). Only where encryption at rest is on.",
    read: () => [
      ["made", keys.made],
      ["unwrapped", keys.unwrapped],
      ["unwrap_error", keys.unwrapErrors],
    ],
  });
  addCounts(registry, {
    ...{ name: "parley_not_opened_total", label: "why" },
    help: "Stored messages that could not be opened: `erased` (their key was deleted with the conversation), `broken` (changed, moved, or of a newer version), `unavailable` (no key at the moment). Only where encryption at rest is on.",
    read: () => Object.entries(notOpened),
  });
}
