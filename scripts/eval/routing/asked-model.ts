import { once } from "node:events";
import { createLogger, noSpan } from "@parley/runtime";
import {
  createClassifier,
  type ClassifierResult,
  type Classify,
} from "../../../services/agent-worker/src/classifier.ts";
import { createModelCalls } from "../../../services/agent-worker/src/model-call.ts";
import { openModels } from "../../../services/agent-worker/src/model-parts.ts";
import { defaultProvider } from "../../../services/agent-worker/src/model/default-provider.ts";
import { loadModelTable } from "../../../services/agent-worker/src/model/load-model-table.ts";
import type { ModelTable } from "../../../services/agent-worker/src/model/model-table.ts";
import { namesProvider, providerFrom, type Provider } from "../../../services/agent-worker/src/model/provider.ts";
import { createModelServer } from "../../../services/model-simulator/src/server.ts";

export interface AskedModel {
  readonly classify: Classify;
  /** As people should read it: that a model is simulated stands in it. */
  readonly name: string;
  readonly results: ReadonlyMap<ClassifierResult, number>;
  readonly durationsMs: readonly number[];
  close(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The model that the environment and `models.yaml` name as they do for a worker (`OPENAI_*`, `OPENROUTER_API_KEY`, `ROUTING_MODEL`); the simulated one if it names none. */
export async function openModel(env: Environment, timeoutMs: number): Promise<AskedModel> {
  const log = createLogger({ service: "eval", level: "error", format: "pretty" });
  const table = await loadModelTable(env["MODELS_FILE"], env);
  const { provider, close } = await openProvider(env, { table, log });
  const results = new Map<ClassifierResult, number>();
  const durationsMs: number[] = [];
  const config = { MODEL_IDLE_MS: timeoutMs, MODEL_FIRST_TOKEN_MS: timeoutMs };
  const metrics = { modelWaited() {}, observeRoutes() {} };
  const { client: model } = openModels({ config, log }, { provider, table, metrics, tokenFlushMs: () => 0 });
  const modelName = env["ROUTING_MODEL"];
  const classify = createClassifier({
    model,
    modelCalls: createModelCalls({ provider, onCall: () => {}, onRetry: () => {}, log }),
    modelName,
    timeoutMs,
    onResult(result, durationMs) {
      results.set(result, (results.get(result) ?? 0) + 1);
      durationsMs.push(durationMs);
    },
    log,
  });
  const name = `${modelName ?? provider.model}${provider.simulated ? " (simulated)" : ` at ${new URL(provider.baseURL).host}`}`;
  return { classify, name, results, durationsMs, close };
}

async function openProvider(
  env: Environment,
  { table, log }: { readonly table: ModelTable; readonly log: ReturnType<typeof createLogger> },
): Promise<{ provider: Provider; close: () => void }> {
  if (namesProvider(env) || table.models.size > 0) return { provider: defaultProvider(env, table), close() {} };
  const { server, stop } = createModelServer({ tokensPerSecond: 0, log });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = (): void => {
    stop();
    server.close();
  };
  return {
    provider: providerFrom({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, OPENAI_API_KEY: "simulated" }),
    close,
  };
}

/** What a worker would give with a turn. */
export function evaluatedTurn(number: number): Pick<Parameters<Classify>[0], "request" | "span"> {
  return { request: { conversation_id: "eval", turn_id: `eval-${number}`, user: { id: "eval" } }, span: noSpan };
}
