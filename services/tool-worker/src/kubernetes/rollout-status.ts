import { builtInKind } from "./built-in-kinds.ts";
import { sleep } from "@parley/runtime";
import { z } from "zod";
import { defineTool, ToolError, type Tool, type ToolContext } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { Workload } from "./cluster-objects.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";
import { readObject } from "./object-list.ts";
import { getAccess, scopeOf } from "./reading.ts";
import { rolloutKinds, rolloutOf, type RolloutKind, type RolloutState } from "./rollout.ts";
import { textOutput } from "./shape.ts";
import { agoOf } from "./times.ts";

const POLL_MS = 2_000;
const MAX_WAIT_S = 60;

export function createRolloutStatus(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_rollout_status",
    description: `Tells how far the rollout of a workload of the ${clusters.of(undefined).label} is, and waits for its end if asked to.`,
    input: z.strictObject({
      kind: z.enum(rolloutKinds).default("Deployment").describe("Kind of the workload."),
      name: ObjectName.describe("Its name."),
      namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
      waitSeconds: z.int().min(0).max(MAX_WAIT_S).default(0).describe("Waits so long for the end of the rollout."),
      ...contextField(clusters),
    }),
    argumentAliases: { deployment: "name", wait_seconds: "waitSeconds" },
    effect: "read",
    timeoutMs: (MAX_WAIT_S + 20) * 1_000,
    access({ context, kind, name, namespace }) {
      const cluster = clusters.of(context);
      return [
        getAccess(cluster, builtInKind(kind), {
          namespace: scopeOf(cluster, { namespace }).namespace,
          name,
        }),
      ];
    },
    async run({ context, kind, name, waitSeconds, ...scope }, toolContext) {
      const cluster = clusters.of(context);
      const { namespace } = scopeOf(cluster, scope);
      const read = (): Promise<Workload> => readWorkload(cluster, { kind, namespace, name }, toolContext.signal);
      const { workload, state, waitedMs } = await waitFor(kind, read, { waitMs: waitSeconds * 1_000, toolContext });
      const waited = waitSeconds === 0 ? "" : ` after ${Math.round(waitedMs / 1_000)} s`;
      const hint = state.state === "done" ? "" : ` k8s_analyze with kind ${kind} and name ${name} looks for the cause.`;
      const where = `${kind} ${name} in namespace ${namespace ?? ""} of the ${cluster.label}`;
      return textOutput({
        summary: `The rollout of ${where} is ${state.state}${waited}: ${state.words}.${hint}`,
        text: conditionLines(workload),
        keep: "beginning",
      });
    },
  });
}

async function readWorkload(
  cluster: Cluster,
  { kind, namespace, name }: { kind: RolloutKind; namespace: string | undefined; name: string },
  signal: AbortSignal,
): Promise<Workload> {
  const object = await readObject(cluster, builtInKind(kind), { namespace, name }, signal);
  const { success, data } = Workload.safeParse(object);
  if (!success) throw new ToolError(`The ${kind} ${name} cannot be understood.`);
  return data;
}

interface Waited {
  readonly workload: Workload;
  readonly state: RolloutState;
  readonly waitedMs: number;
}

/** By asking again and again: a watch tells no more, and ends with the connection. */
async function waitFor(
  kind: RolloutKind,
  read: () => Promise<Workload>,
  { waitMs, toolContext: { signal, progress } }: { waitMs: number; toolContext: ToolContext },
): Promise<Waited> {
  const startedAt = performance.now();
  let told: string | undefined;
  for (;;) {
    const workload = await read();
    const state = rolloutOf(kind, workload);
    const waitedMs = performance.now() - startedAt;
    const leftMs = waitMs - waitedMs;
    if (state.state !== "under way" || leftMs <= 0) return { workload, state, waitedMs };
    if (state.words !== told) progress(state.words);
    told = state.words;
    await sleep(Math.min(POLL_MS, leftMs), signal);
    signal.throwIfAborted();
  }
}

function conditionLines({ status }: Workload): string {
  const now = new Date();
  return (status?.conditions ?? [])
    .map(({ type, status: is, reason = "", message = "", lastTransitionTime }) => {
      const since = lastTransitionTime === undefined ? "" : ` for ${agoOf(lastTransitionTime, now)}`;
      return `${type} ${is}${since} ${reason}: ${message}`;
    })
    .join("\n");
}
