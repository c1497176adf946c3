import { addGauge, type Registry } from "@parley/runtime";

/** What the process knows that has the work of the deployment; the others say 0. */
export interface PrivacyState {
  readonly state: () => {
    readonly isWorking: boolean;
    readonly open: readonly { readonly asked_at: number; readonly state: string }[];
  };
  readonly sweep: { readonly behindMs: () => number };
}

/** Erasures that are under way, and the sweep of old conversations. */
export function addPrivacyFigures(registry: Registry, { state, sweep }: PrivacyState): void {
  const add = (name: string, help: string, read: () => number): void =>
    addGauge(registry, name, help, () => (state().isWorking ? read() : 0));
  add(
    "parley_edge_keeper",
    "1 for the edge that does the work of the deployment: erasures, and the sweep of old conversations.",
    () => 1,
  );
  add(
    "parley_edge_erasures_open",
    "Erasures of users that are not done, those that a legal hold stops among them.",
    () => state().open.length,
  );
  add(
    "parley_edge_erasure_oldest_seconds",
    "How long ago the oldest erasure was asked for that is not done and not held.",
    () => {
      const asked = state()
        .open.filter((one) => one.state !== "held")
        .map(({ asked_at }) => asked_at);
      return asked.length === 0 ? 0 : (Date.now() - Math.min(...asked)) / 1_000;
    },
  );
  add(
    "parley_edge_retention_behind_seconds",
    "How long ago the last whole look at all conversations for old ones has ended; 0: none is to be deleted for its age.",
    () => sweep.behindMs() / 1_000,
  );
}
