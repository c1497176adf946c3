import { requireNamespace } from "../object-list.ts";
import { builtInKind } from "../built-in-kinds.ts";
import { z } from "zod";
import type { Access } from "../../tools/access.ts";
import { defineTool, ToolError, type Tool, type ToolOutput } from "../../tools/tool.ts";
import type { Cluster } from "../cluster.ts";
import { contextField, type Clusters } from "../clusters.ts";
import { ObjectName } from "../namespace-rule.ts";
import { getAccess, listAccess, scopeFields, scopeOf } from "../reading.ts";
import { textOutput } from "../shape.ts";
import { nameOf, type ObjectRef } from "./finding.ts";
import { listNames, loadSnapshot, kindOf, type Loaded } from "./load-snapshot.ts";
import { graphOf, keyOf, relatedTo } from "./object-graph.ts";
import { readRoot } from "./root-object.ts";
import { checks, findAll, listsFor, type Check, type NamedFinding, type NotChecked } from "./rules.ts";
import type { ListName } from "./snapshot.ts";

const Fields = {
  ...scopeFields,
  kind: z
    .string()
    .max(63)
    .optional()
    .describe("Only what has to do with one object: its kind, for example Deployment."),
  name: ObjectName.optional().describe("Its name."),
  checks: z
    .array(z.enum(checks))
    .max(checks.length)
    .optional()
    .describe("Only these checks. Left out: all that there are."),
};
const Input = z.strictObject(Fields);
type Input = z.output<typeof Input>;

export function createAnalyze(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_analyze",
    description: `Looks for what is wrong in a namespace of the ${clusters.of(undefined).label}, or with one object and all that has to do with it, by fixed rules: findings with evidence and a suggestion, the worst first. Begin with it when something does not work.`,
    input: z.strictObject({ ...Fields, ...contextField(clusters) }),
    argumentAliases: {
      all_namespaces: "allNamespaces",
      resource_type: "kind",
      resource_name: "name",
      filters: "checks",
    },
    effect: "read",
    timeoutMs: 40_000,
    access: ({ context, ...input }, { signal }) => accessOf(clusters.of(context), input, signal),
    async run({ context, ...input }, { signal, progress }) {
      const cluster = clusters.of(context);
      const scope = scopeOf(cluster, input);
      const only = checksOf(input);
      const target = await targetOf(cluster, input, signal);
      progress(`reading ${scope.words}`);
      const now = new Date();
      const lists = listsOf(only, target !== undefined);
      const loaded = await loadSnapshot(cluster, { namespace: scope.namespace, lists, now, signal });
      if (loaded.objects === 0 && scope.namespace !== undefined)
        await requireNamespace(cluster, scope.namespace, signal);
      const missing = new Set(loaded.missing.keys());
      const { findings, notChecked } = findAll(loaded.snapshot, { only, missing });
      const isWanted = relevance(target, loaded);
      const place = `${target === undefined ? "" : `${nameOf(target)} and what has to do with it, `}${scope.words} of the ${cluster.label}`;
      return render(findings.filter(isWanted), { loaded, only, notChecked, place });
    },
  });
}

function checksOf({ checks: asked }: Input): readonly Check[] {
  return asked === undefined || asked.length === 0 ? checks : asked;
}

/** To know what has to do with an object, all lists are needed. */
function listsOf(only: readonly Check[], hasTarget: boolean): ReadonlySet<ListName> {
  return hasTarget ? new Set(listNames) : listsFor(only);
}

async function accessOf(cluster: Cluster, input: Input, signal: AbortSignal): Promise<Access[]> {
  const { namespace } = scopeOf(cluster, input);
  const { kind, name } = input;
  const isOpen = (list: ListName): boolean => list !== "nodes" || cluster.namespaces.only === undefined;
  const lists = [...listsOf(checksOf(input), kind !== undefined)]
    .filter(isOpen)
    .map((list) => builtInKind(kindOf[list]));
  if (kind === undefined || name === undefined) return listAccess(cluster, lists, { namespace });
  const found = await cluster.kinds.find(kind, { signal });
  const at = { namespace: found.isNamespaced ? namespace : undefined, name };
  return [getAccess(cluster, found, at), ...listAccess(cluster, lists, { namespace })];
}

async function targetOf(
  cluster: Cluster,
  { kind, name, namespace, allNamespaces }: Input,
  signal: AbortSignal,
): Promise<ObjectRef | undefined> {
  if (kind === undefined && name === undefined) return undefined;
  if (kind === undefined || name === undefined)
    throw new ToolError("kind and name belong together: give both or neither.");
  if (allNamespaces) throw new ToolError("An object is in one namespace: leave out allNamespaces.");
  return (await readRoot(cluster, { kind, name, namespace }, signal)).ref;
}

function relevance(target: ObjectRef | undefined, { snapshot }: Loaded): (finding: NamedFinding) => boolean {
  if (target === undefined) return () => true;
  const related = relatedTo(target, graphOf(snapshot));
  // Quotas have to do with all that is in their namespace.
  return ({ object }) => related.has(keyOf(object)) || object.kind === "ResourceQuota";
}

interface About {
  readonly loaded: Loaded;
  readonly only: readonly Check[];
  readonly notChecked: readonly NotChecked[];
  readonly place: string;
}

function render(findings: readonly NamedFinding[], { loaded, only, notChecked, place }: About): ToolOutput {
  const unmade = new Set(notChecked.flatMap(({ check, isPart }) => (isPart ? [] : [check])));
  const made = only.filter((check) => !unmade.has(check));
  const missing = notChecked.map(({ check, isPart }) => (isPart ? `${check} (in part)` : check));
  const counts = (["critical", "warning", "info"] as const)
    .map((severity) => [findings.filter((one) => one.severity === severity).length, severity] as const)
    .filter(([count]) => count > 0)
    .map(([count, severity]) => `${count} ${severity}`);
  const number = `${findings.length === 0 ? "No" : findings.length} finding${findings.length === 1 ? "" : "s"}`;
  const notes = [
    ...(notChecked.length === 0
      ? []
      : [`Not checked, because what they need could not be read: ${missing.join(", ")}.`]),
    ...(loaded.partial.length === 0 ? [] : [`Of ${loaded.partial.join(", ")} only the first 2,000 were looked at.`]),
  ];
  const summary = `${number}${counts.length === 0 ? "" : ` (${counts.join(", ")})`} in ${place}; ${made.length} checks of ${loaded.objects} objects.`;
  return textOutput({
    summary: [summary, ...notes].join(" "),
    text: findings.map(lineOf).join("\n"),
    keep: "beginning",
    narrow: "namespace, checks, or kind and name",
  });
}

/** One line, so that whoever cuts by line cuts between findings. */
function lineOf({ severity, check, object, evidence, suggestion }: NamedFinding, index: number): string {
  return `${index + 1}. ${severity} ${check} ${nameOf(object)}: ${evidence}. Suggestion: ${suggestion}.`.replaceAll(
    /\s+/g,
    " ",
  );
}
