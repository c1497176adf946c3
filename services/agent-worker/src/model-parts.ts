import type { Config } from "./config.ts";
import { readHoldMs } from "./flush-floor.ts";
import type { createAgentMetrics } from "./metrics.ts";
import { createMeteredClient } from "./model/metered-client.ts";
import { createModelClient } from "./model/model-client.ts";
import type { ModelTable } from "./model/model-table.ts";
import type { Provider } from "./model/provider.ts";
import { createModelRoutes, type ClientSettings, type ModelRoutes } from "./model-routes/model-routes.ts";
import type { Process } from "./parts.ts";

export interface ModelParts {
  readonly provider: Provider;
  readonly table: ModelTable;
  readonly metrics: Pick<ReturnType<typeof createAgentMetrics>, "modelWaited" | "observeRoutes">;
  /** Least time between two appends of text, at this moment. */
  readonly tokenFlushMs: () => number;
}

/** The ways to the models, with their figures. */
export function openModels(
  { config, log }: Pick<Process, "log"> & { readonly config: Pick<Config, "MODEL_IDLE_MS" | "MODEL_FIRST_TOKEN_MS"> },
  { provider, table, metrics, tokenFlushMs }: ModelParts,
): ModelRoutes {
  const holdMs = (): number => readHoldMs(tokenFlushMs());
  const clientOf = ({ name, firstTokenMs, idleMs, ...at }: ClientSettings) => {
    const client = createModelClient({
      ...{ ...at, holdMs, log },
      firstTokenMs: firstTokenMs ?? config.MODEL_FIRST_TOKEN_MS,
      idleMs: idleMs ?? config.MODEL_IDLE_MS,
    });
    return createMeteredClient(client, ({ model = at.provider.model }) => name ?? model);
  };
  const routes = createModelRoutes({ provider, table, clientOf, onWaited: metrics.modelWaited, log });
  metrics.observeRoutes(routes);
  return routes;
}
