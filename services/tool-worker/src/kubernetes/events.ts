import { requireNamespace } from "./object-list.ts";
import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { Event } from "./cluster-objects.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { groupEvents, lastSeen, type EventGroup } from "./event-groups.ts";
import { ObjectName } from "./namespace-rule.ts";
import { listAccess, readTyped, scopeFields, scopeOf } from "./reading.ts";
import { rowsOutput } from "./shape.ts";
import { agoOf, msSince } from "./times.ts";

/** A server keeps events for an hour, of which a busy one has this many. */
const MAX_EVENTS = 3_000;
const MAX_LIMIT = 500;

const Fields = {
  ...scopeFields,
  involvedKind: z.string().max(63).optional().describe("Only events about objects of this kind, for example Pod."),
  involvedName: ObjectName.optional().describe("Only events about the object of this name."),
  type: z.enum(["Normal", "Warning"]).optional().describe("Only events of this type."),
  reason: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9]+$/, "is not a reason of events")
    .optional()
    .describe("Only events for this reason, for example BackOff."),
  sinceSeconds: z.int().min(1).max(604_800).default(3_600).describe("Only events seen in the last so many seconds."),
  limit: z.int().min(1).max(MAX_LIMIT).default(50).describe("Rows to show; totals count all."),
};
const Input = z.strictObject(Fields);
type Input = z.output<typeof Input>;

export function createEvents(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_events",
    aliases: ["get_events"],
    description: `Lists what happened lately in the ${clusters.of(undefined).label}: events grouped by object and reason, with how often they came, the last one first.`,
    input: z.strictObject({ ...Fields, ...contextField(clusters) }),
    argumentAliases: {
      involved_object_kind: "involvedKind",
      involved_object_name: "involvedName",
      all_namespaces: "allNamespaces",
      since_seconds: "sinceSeconds",
      output_format: "",
    },
    effect: "read",
    timeoutMs: 20_000,
    access({ context, ...input }) {
      const cluster = clusters.of(context);
      return listAccess(cluster, [builtInKind("Event")], scopeOf(cluster, input));
    },
    async run({ context, ...input }, { signal }) {
      const cluster = clusters.of(context);
      const { namespace, words } = scopeOf(cluster, input);
      const fieldSelector = await selectorOf(cluster, input, signal);
      const request = { namespace, fieldSelector, limit: MAX_EVENTS, signal };
      const { items, isPartial } = await readTyped(cluster, { kind: builtInKind("Event"), schema: Event }, request);
      if (items.length === 0 && namespace !== undefined) await requireNamespace(cluster, namespace, signal);
      const now = new Date();
      const late = items.filter((event) => msSince(lastSeen(event), now) <= input.sinceSeconds * 1_000);
      return render(groupEvents(late), input, { place: `${words} of the ${cluster.label}`, isPartial, now });
    },
  });
}

async function selectorOf(cluster: Cluster, input: Input, signal: AbortSignal): Promise<string | undefined> {
  const { involvedKind, involvedName, type, reason } = input;
  // Events name a kind as it is written; people and models write it as they like.
  const kind = involvedKind === undefined ? undefined : (await cluster.kinds.find(involvedKind, { signal })).kind;
  const fields = { "involvedObject.kind": kind, "involvedObject.name": involvedName, type, reason };
  const parts = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return parts.length === 0 ? undefined : parts.join(",");
}

interface About {
  readonly place: string;
  readonly isPartial: boolean;
  readonly now: Date;
}

function render(
  groups: readonly EventGroup[],
  { sinceSeconds, limit }: Input,
  { place, isPartial, now }: About,
): ToolOutput {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const warnings = groups.filter(({ type }) => type === "Warning").length;
  const since = `seen in the last ${agoOf(new Date(now.getTime() - sinceSeconds * 1_000).toISOString(), now)}`;
  const what = `${count} event${count === 1 ? "" : "s"} for ${groups.length} reason${groups.length === 1 ? "" : "s"} of objects`;
  const summary =
    groups.length === 0
      ? `No events ${since} in ${place}; older ones are kept by the server for an hour, as a rule.`
      : `${what} ${since} in ${place}, ${warnings} of them warnings.`;
  return rowsOutput({
    summary,
    header: ["LAST SEEN", "COUNT", "TYPE", "REASON", "OBJECT", "MESSAGE"],
    rows: groups.slice(0, limit).map((group) => rowOf(group, now)),
    ...{
      total: groups.length,
      isMore: isPartial,
      narrow: "namespace, involvedKind and involvedName, type, reason or sinceSeconds",
    },
  });
}

function rowOf(group: EventGroup, now: Date): string[] {
  const { namespace, kind, name, count, type, reason, message, messages } = group;
  const age =
    count === 1 ? agoOf(group.lastSeen, now) : `${agoOf(group.lastSeen, now)} (over ${agoOf(group.firstSeen, now)})`;
  const others = messages > 1 ? ` (and ${messages - 1} other messages)` : "";
  return [age, String(count), type, reason, `${kind} ${namespace}/${name}`, `${message}${others}`];
}
