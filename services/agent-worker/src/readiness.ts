import type { Logger } from "@parley/runtime";
import { createCapacity } from "./capacity.ts";
import type { Provider } from "./model/provider.ts";
import type { Process } from "./parts.ts";

/** How many turns run here at once. */
export function openCapacity({ config, life }: Process) {
  const capacity = createCapacity(config);
  life.use("the look at the load", capacity.stop);
  return capacity;
}

export function sayReady(
  log: Logger,
  { model, name: provider }: Provider,
  facts: { readonly slots: number; readonly record_format: string | number },
): void {
  log.info({ model, provider, ...facts }, "the agent worker is ready");
}
