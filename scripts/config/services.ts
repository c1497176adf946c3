import type { z } from "zod";
import { Config as AgentWorkerConfig } from "../../services/agent-worker/src/config.ts";
import { Config as ClusterSimulatorConfig } from "../../services/cluster-simulator/src/config.ts";
import { Config as EdgeConfig } from "../../services/edge/src/config.ts";
import { Config as ModelSimulatorConfig } from "../../services/model-simulator/src/config.ts";
import { Config as ToolWorkerConfig } from "../../services/tool-worker/src/config.ts";

/** Every service and the schema that it reads its own environment with. */
export const services: ReadonlyMap<string, z.ZodObject> = new Map<string, z.ZodObject>([
  ["edge", EdgeConfig],
  ["agent-worker", AgentWorkerConfig],
  ["tool-worker", ToolWorkerConfig],
  ["model-simulator", ModelSimulatorConfig],
  ["cluster-simulator", ClusterSimulatorConfig],
]);
