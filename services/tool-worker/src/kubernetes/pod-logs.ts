import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { toPlainText } from "../plain-text.ts";
import type { Access } from "../tools/access.ts";
import { defineTool, ToolError, type Tool, type ToolContext } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { filterLines } from "./log-filter.ts";
import { logsOutput, plural, type ShownLog } from "./log-output.ts";
import { followLog, readLog, type ReadLog } from "./log-reading.ts";
import { joinRepeats } from "./log-repeats.ts";
import { findLogSources, ownerKinds, type LogSource, type LogSources } from "./log-sources.ts";
import { Namespace, ObjectName, Selector } from "./namespace-rule.ts";
import { getAccess, listAccess, scopeOf } from "./reading.ts";
import { redactKeys } from "./redaction.ts";

const MAX_TAIL = 2_000;
const FOLLOW_MS = 20_000;
/** For all logs of one call together. */
const SEARCH_MS = 4_000;
const MAX_BYTES = 200_000;
/** Of a line, while it is followed. */

const Pattern = z.string().min(1).max(200);

const Fields = {
  pod: ObjectName.optional().describe("Name of the pod. Or ownerKind and ownerName, or labelSelector."),
  ownerKind: z.enum(ownerKinds).optional().describe("The logs of all pods of this owner."),
  ownerName: ObjectName.optional().describe("Its name."),
  labelSelector: Selector.optional().describe("The logs of all pods with these labels, for example app=web."),
  namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
  container: z.string().max(63).optional().describe("Needed when the pod has several containers."),
  previous: z.boolean().default(false).describe("The log of the container before its last restart."),
  tail: z.int().min(1).max(MAX_TAIL).default(200).describe("So many of the last lines, of each pod."),
  sinceSeconds: z.int().min(1).optional().describe("Only lines of the last so many seconds."),
  sinceTime: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("Only lines since then, for example 2026-03-01T12:00:00Z."),
  grep: Pattern.optional().describe(
    "Only lines that match this pattern (RE2), for example error|timeout. Case does not matter.",
  ),
  exclude: Pattern.optional().describe("No lines that match this pattern, for example GET /health."),
  contextLines: z.int().min(0).max(5).default(0).describe("So many lines before and after each that matches grep."),
  maxBytes: z.int().min(1_000).max(MAX_BYTES).default(16_000).describe("Of the log, at most; you read 11 KB of it."),
  follow: z
    .boolean()
    .default(false)
    .describe("Reads on for 20 seconds; people see new lines while it runs. Of one pod."),
};
const Input = z.strictObject(Fields);
type Input = z.output<typeof Input>;

export function createPodLogs(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_pod_logs",
    aliases: ["get_pod_logs"],
    description: `Reads the last log lines of a pod, or of all pods of an owner or a selector, of the ${clusters.of(undefined).label}. Lines that repeat are joined (xN).`,
    input: z.strictObject({ ...Fields, ...contextField(clusters) }),
    argumentAliases: {
      pod_name: "pod",
      name: "pod",
      tail_lines: "tail",
      tailLines: "tail",
      since_seconds: "sinceSeconds",
      since_time: "sinceTime",
      label_selector: "labelSelector",
    },
    effect: "read",
    timeoutMs: 45_000,
    access: ({ context, ...input }) => accessOf(clusters.of(context), input),
    async run({ context, ...input }, toolContext) {
      const cluster = clusters.of(context);
      checkChoice(input);
      const { namespace = cluster.defaultNamespace } = scopeOf(cluster, input);
      const { signal } = toolContext;
      const found = await findLogSources(cluster, input, { namespace, signal });
      const logs = await readAllLogs({ cluster, input, namespace, toolContext }, found);
      return logsOutput(logs, input, { found, place: `in namespace ${namespace} of the ${cluster.label}` });
    },
  });
}

function accessOf(cluster: Cluster, input: Input): Access[] {
  const { namespace } = scopeOf(cluster, input);
  const pods = builtInKind("Pod");
  if (input.pod !== undefined) return [{ ...getAccess(cluster, pods, { namespace, name: input.pod }), verb: "log" }];
  const owners = input.ownerKind === undefined ? [] : [builtInKind(input.ownerKind)];
  const logs = listAccess(cluster, [pods], { namespace }).map((access) => ({ ...access, verb: "log" }));
  return [...listAccess(cluster, [pods, ...owners], { namespace }), ...logs];
}

function checkChoice({ pod, ownerKind, ownerName, labelSelector, follow, previous }: Input): void {
  if ((ownerKind === undefined) !== (ownerName === undefined)) {
    throw new ToolError("ownerKind and ownerName belong together: give both or neither.");
  }
  const given = [pod, ownerName, labelSelector].filter((one) => one !== undefined && one !== "");
  if (given.length !== 1) throw new ToolError("Say whose log: one of pod, ownerKind with ownerName, or labelSelector.");
  if (follow && pod === undefined) throw new ToolError("Only the log of one pod can be followed; name the pod.");
  if (follow && previous) throw new ToolError("The log of a container that has ended cannot be followed.");
}

interface Reading {
  readonly cluster: Cluster;
  readonly input: Input;
  readonly namespace: string;
  readonly toolContext: ToolContext;
}

/** One after the other: eight logs of 4 MB at once are more memory than one tool may take. */
async function readAllLogs(reading: Reading, { sources }: LogSources): Promise<ShownLog[]> {
  const shown: ShownLog[] = [];
  const isOne = sources.length === 1;
  for (const source of sources) {
    try {
      shown.push(
        await searched(await readOneLog(reading, source), reading, { source, budgetMs: SEARCH_MS / sources.length }),
      );
    } catch (error) {
      // Of several pods one may not have started, or have no run before: the others have something to say.
      if (isOne || !(error instanceof ToolError)) throw error;
      shown.push({ source, lines: [], found: 0, notes: [error.message.replace(/\.$/, "")], asText: [] });
    }
  }
  return shown;
}

function readOneLog({ cluster, input, namespace, toolContext }: Reading, source: LogSource): Promise<ReadLog> {
  const { grep, exclude, tail, previous, sinceSeconds, sinceTime, follow } = input;
  // What is looked for may be further up than the lines that are shown.
  const lines = grep === undefined && exclude === undefined ? tail : MAX_TAIL;
  const query = { namespace, previous, sinceSeconds, sinceTime, lines, signal: toolContext.signal };
  if (!follow) return readLog(cluster, source, query);
  toolContext.progress(`following ${source.pod} for ${FOLLOW_MS / 1_000} seconds`);
  const onLines = (fresh: readonly string[]): void =>
    // Not the lines themselves: one alone does not show that it is a part of a key.
    toolContext.progress(fresh.length === 1 ? "1 more line" : `${fresh.length} more lines`);
  return followLog(cluster, source, query, { forMs: FOLLOW_MS, onLines });
}

async function searched(
  log: ReadLog,
  { input: { grep, exclude, contextLines, tail }, toolContext: { signal } }: Reading,
  { source, budgetMs }: { source: LogSource; budgetMs: number },
): Promise<ShownLog> {
  const text = redactKeys(toPlainText(log.text)).replace(/\n$/, "");
  const lines = text === "" ? [] : text.split("\n");
  const filtered = await filterLines(lines, { grep, exclude, contextLines, tail }, { signal, budgetMs });
  return {
    source,
    lines: joinRepeats(filtered.lines),
    found: filtered.matches,
    notes: [
      ...(log.isShort ? ["older lines were not looked at, because the log is too large"] : []),
      ...(log.isCut ? ["the last line was not read to its end"] : []),
      ...(filtered.notSearched === 0
        ? []
        : [`${plural(filtered.notSearched)} before them were not searched, it took too long`]),
    ],
    asText: filtered.asText,
  };
}
