import { addCounts, addGauge, type Registry } from "@parley/runtime";
import { countOne } from "./metrics.ts";

export interface GateGauges {
  readonly revocations: () => number;
  readonly revocationsAgeMs: () => number;
  readonly blocks: () => number;
}

const offences = [
  "bad token",
  "invalid frame",
  "rate limit",
  "limit of an address",
  "too many sockets",
  "no token in time",
];

/** Counts what the gate does. Each figure begins with 0: one that begins with its first event has no increase for an alert to see. */
export function createGateFigures() {
  const noted = new Map<string, number>(offences.map((offence) => [offence, 0]));
  const blocks = new Map<string, number>([
    ["address", 0],
    ["user", 0],
  ]);
  return {
    offence: (offence: string): void => countOne(noted, offence),
    blocked: (kind: string): void => countOne(blocks, kind),

    addTo(registry: Registry, { revocations, revocationsAgeMs, blocks: blocked }: GateGauges): void {
      addGauge(registry, "parley_edge_revocations", "Revocations that hold, of 50,000 that are kept.", revocations);
      const ageHelp =
        "How long ago this edge knew of all revocations; above a second it may let somebody in who was revoked.";
      addGauge(registry, "parley_edge_revocations_age_seconds", ageHelp, () => revocationsAgeMs() / 1_000);
      addGauge(registry, "parley_edge_blocks", "Addresses and users that are blocked.", blocked);
      addCounts(registry, {
        name: "parley_edge_offences_total",
        help: "What clients did that well-behaved ones do not do.",
        label: "offence",
        read: () => noted,
      });
      addCounts(registry, {
        name: "parley_edge_blocks_made_total",
        help: "Blocks that this edge made for what somebody did, of addresses and of users.",
        label: "kind",
        read: () => blocks,
      });
    },
  };
}
