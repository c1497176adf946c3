import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { KubeError } from "./api-failure.ts";
import type { KubeApi, ResourceKind } from "./kube-api.ts";

export interface Discovered {
  /** Groups in the order in which their kinds go before others of the same name; of a group the preferred version first. */
  readonly kinds: readonly ResourceKind[];
  /** Groups whose kinds could not be read. */
  readonly missing: ReadonlySet<string>;
}

const aggregated = ["v2", "v2beta1"]
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat("application/json")
  .join(",");

const Named = z.object({ name: z.string().optional() });
const AggregatedResource = z.object({
  resource: z.string(),
  responseKind: z.object({ kind: z.string() }).nullish(),
  scope: z.string().optional(),
  singularResource: z.string().optional(),
  shortNames: z.array(z.string()).nullish(),
  verbs: z.array(z.string()).nullish(),
});
const AggregatedVersion = z.object({
  version: z.string(),
  /** `Stale`: its server did not answer, and these are the ones of the last time. */
  freshness: z.string().optional(),
  resources: z.array(z.unknown()).nullish(),
});
const Aggregated = z.object({
  kind: z.literal("APIGroupDiscoveryList"),
  items: z.array(z.object({ metadata: Named.optional(), versions: z.array(AggregatedVersion).nullish() })),
});

const Versions = z.object({ versions: z.array(z.string()) });
const Groups = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      versions: z.array(z.object({ version: z.string() })),
      preferredVersion: z.object({ version: z.string() }).nullish(),
    }),
  ),
});
const PlainResource = z.object({
  name: z.string(),
  kind: z.string(),
  namespaced: z.boolean().default(false),
  singularName: z.string().optional(),
  shortNames: z.array(z.string()).nullish(),
  verbs: z.array(z.string()).nullish(),
});
const PlainResources = z.object({ resources: z.array(z.unknown()).nullish() });

/** What kinds a cluster has. A group whose server is away is missing, and the others are there. Throws when nothing can be read. */
export async function discover(api: KubeApi, signal: AbortSignal): Promise<Discovered> {
  const parts = await Promise.all([ofRoot(api, "/api", signal), ofRoot(api, "/apis", signal)]);
  const { kinds, missing } = joined(parts);
  return { kinds: inOrder(kinds), missing };
}

/** In place of names of groups: of all of them nothing is known. */
export const everyGroup = "*";

async function ofRoot(api: KubeApi, root: "/api" | "/apis", signal: AbortSignal): Promise<Discovered> {
  let answer: unknown;
  try {
    answer = await api.json({ path: root, accept: aggregated, asked: { what: "the kinds of the cluster" }, signal });
  } catch (error) {
    // Whoever may not look around may still read what it knows by name.
    if (error instanceof KubeError && error.status === 403) return { kinds: [], missing: new Set([everyGroup]) };
    throw error;
  }
  const whole = Aggregated.safeParse(answer);
  if (whole.success) return ofAggregated(whole.data);
  const versions = root === "/api" ? coreVersions(answer) : groupVersions(answer);
  const lists = await Promise.all(versions.map((one) => ofVersion(api, one, signal)));
  return joined(lists);
}

function joined(parts: readonly Discovered[]): Discovered {
  const missing = new Set(parts.flatMap((part) => [...part.missing]));
  return { kinds: parts.flatMap(({ kinds }) => kinds), missing };
}

function ofAggregated({ items }: z.infer<typeof Aggregated>): Discovered {
  const missing = new Set<string>();
  const kinds = items.flatMap(({ metadata, versions }) => {
    const group = metadata?.name ?? "";
    return (versions ?? []).flatMap(({ version, resources, freshness }) => {
      if (freshness === "Stale") missing.add(group);
      return (resources ?? []).flatMap((resource) => aggregatedKind(group, version, resource));
    });
  });
  return { kinds, missing };
}

function aggregatedKind(group: string, version: string, resource: unknown): ResourceKind[] {
  const { success, data } = AggregatedResource.safeParse(resource);
  const responseKind = data?.responseKind;
  if (!success || responseKind === undefined || responseKind === null) return [];
  const { resource: plural, scope, singularResource, shortNames, verbs } = data;
  return [
    {
      ...{ group, version, kind: responseKind.kind, plural },
      singular: singularResource || responseKind.kind.toLowerCase(),
      shortNames: shortNames ?? [],
      isNamespaced: scope === "Namespaced",
      verbs: verbs ?? [],
    },
  ];
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const { success, data } = schema.safeParse(answer);
  if (!success) throw new ToolError("The cluster's list of its kinds cannot be understood.");
  return data;
}

function coreVersions(answer: unknown): GroupVersion[] {
  const { versions } = understood(Versions, answer);
  return versions.map((version) => ({ group: "", version }));
}

function groupVersions(answer: unknown): GroupVersion[] {
  const { groups } = understood(Groups, answer);
  return groups.flatMap(({ name: group, versions, preferredVersion }) => {
    const others = versions.map(({ version }) => version).filter((version) => version !== preferredVersion?.version);
    const all = preferredVersion?.version === undefined ? others : [preferredVersion.version, ...others];
    return all.map((version) => ({ group, version }));
  });
}

async function ofVersion(api: KubeApi, { group, version }: GroupVersion, signal: AbortSignal): Promise<Discovered> {
  const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    const answer = await api.json({ path, asked: { what: `the kinds of ${group}/${version}` }, signal });
    const resources = understood(PlainResources, answer).resources ?? [];
    return { kinds: resources.flatMap((resource) => plainKind(group, version, resource)), missing: new Set() };
  } catch (error) {
    // The server behind one group is away; kinds of the others are known all the same.
    if (error instanceof ToolError) return { kinds: [], missing: new Set([group]) };
    throw error;
  }
}

function plainKind(group: string, version: string, resource: unknown): ResourceKind[] {
  const { success, data } = PlainResource.safeParse(resource);
  // Below a kind: `pods/log`, `deployments/scale`.
  if (!success || data.name.includes("/")) return [];
  const { name: plural, kind, namespaced, singularName, shortNames, verbs } = data;
  return [
    {
      ...{ group, version, kind, plural },
      singular: singularName || kind.toLowerCase(),
      shortNames: shortNames ?? [],
      isNamespaced: namespaced,
      verbs: verbs ?? [],
    },
  ];
}

/** As kubectl: the core group, then those of Kubernetes itself, then all others; what is a copy of the core group comes last of its own. */
function inOrder(kinds: readonly ResourceKind[]): readonly ResourceKind[] {
  return kinds.toSorted((one, other) => rankOf(one.group) - rankOf(other.group));
}

function rankOf(group: string): number {
  if (group === "") return 0;
  if (group === "events.k8s.io" || group === "extensions") return 3;
  if (!group.includes(".")) return 1;
  return group.endsWith(".k8s.io") ? 2 : 4;
}
