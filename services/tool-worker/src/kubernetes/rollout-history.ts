import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { defineTool, ToolError, type Tool, type ToolOutput } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { contextField, type Clusters } from "./clusters.ts";
import type { ResourceKind } from "./kube-api.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";
import { readObject } from "./object-list.ts";
import { Count, Labels, maybe, Metadata } from "./pod-objects.ts";
import { getAccess, listAccess, readTyped, scopeOf } from "./reading.ts";
import { rolloutKinds, type RolloutKind } from "./rollout.ts";
import { rowsOutput, textOutput } from "./shape.ts";
import { templateDiff } from "./template-diff.ts";
import { agoOf } from "./times.ts";

/** A workload keeps ten unless it says otherwise. */
const MAX_REVISIONS = 1_000;

const controllerRevisions: ResourceKind = {
  ...{ group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions" },
  ...{ singular: "controllerrevision", shortNames: [], isNamespaced: true, verbs: ["get", "list"] },
};

const Template = z.looseObject({
  metadata: maybe(z.looseObject({ labels: Labels })),
  spec: maybe(
    z.looseObject({ containers: maybe(z.array(z.looseObject({ name: z.string(), image: maybe(z.string()) }))) }),
  ),
});
type Template = z.output<typeof Template>;

const ReplicaSet = z.object({
  metadata: Metadata,
  spec: z.object({ template: Template }),
  status: maybe(z.object({ replicas: Count })),
});
const ControllerRevision = z.object({
  metadata: Metadata,
  revision: z.number(),
  data: z.object({ spec: z.object({ template: Template }) }),
});
const Owner = z.object({ metadata: Metadata, spec: z.object({ template: Template }) });

/** One state of a workload's template, as it is kept. */
interface Revision {
  readonly revision: number;
  readonly made: string | undefined;
  readonly cause: string | undefined;
  readonly template: Template;
  /** Pods that are of it; undefined: that is not told. */
  readonly pods: number | undefined;
}

export function createRolloutHistory(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_rollout_history",
    description: `Lists the revisions of a workload of the ${clusters.of(undefined).label} that it can go back to; with revision, how that one differs from what is wanted now.`,
    input: z.strictObject({
      kind: z.enum(rolloutKinds).default("Deployment").describe("Kind of the workload."),
      name: ObjectName.describe("Its name."),
      namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
      revision: z.int().min(1).optional().describe("Shows how this revision differs from the current template."),
      ...contextField(clusters),
    }),
    argumentAliases: { deployment: "name" },
    effect: "read",
    timeoutMs: 20_000,
    access({ context, kind, name, ...scope }) {
      const cluster = clusters.of(context);
      const { namespace } = scopeOf(cluster, scope);
      const owner = getAccess(cluster, builtInKind(kind), { namespace, name });
      return [owner, ...listAccess(cluster, [kept(kind)], { namespace })];
    },
    async run({ context, kind, name, revision, ...scope }, { signal }) {
      const cluster = clusters.of(context);
      const { namespace } = scopeOf(cluster, scope);
      const object = await readObject(cluster, builtInKind(kind), { namespace, name }, signal);
      const { success, data: owner } = Owner.safeParse(object);
      if (!success) throw new ToolError(`The ${kind} ${name} cannot be understood.`);
      const revisions = await readRevisions(cluster, { kind, namespace, owner: owner.metadata }, signal);
      const where = `${kind} ${name} in namespace ${namespace ?? ""} of the ${cluster.label}`;
      if (revision === undefined) return history(revisions, owner.spec.template, where);
      return difference(revisions, { revision, current: owner.spec.template }, where);
    },
  });
}

function kept(kind: RolloutKind): ResourceKind {
  return kind === "Deployment" ? builtInKind("ReplicaSet") : controllerRevisions;
}

const REVISION = "deployment.kubernetes.io/revision";
const CAUSE = "kubernetes.io/change-cause";

/** The newest first. */
async function readRevisions(
  cluster: Cluster,
  { kind, namespace, owner }: { kind: RolloutKind; namespace: string | undefined; owner: Metadata },
  signal: AbortSignal,
): Promise<Revision[]> {
  const request = { namespace, limit: MAX_REVISIONS, signal };
  const isOwned = ({ metadata: { ownerReferences = [] } }: { metadata: Metadata }): boolean =>
    ownerReferences.some(({ uid, name, kind: of }) => of === kind && name === owner.name && uid === owner.uid);
  const revisions =
    kind === "Deployment"
      ? (await readTyped(cluster, { kind: kept(kind), schema: ReplicaSet }, request)).items
          .filter(isOwned)
          .map(({ metadata, spec, status }) => ({
            revision: Number(metadata.annotations?.[REVISION] ?? 0),
            ...{ made: metadata.creationTimestamp, cause: metadata.annotations?.[CAUSE] },
            ...{ template: spec.template, pods: status?.replicas ?? 0 },
          }))
      : (await readTyped(cluster, { kind: kept(kind), schema: ControllerRevision }, request)).items
          .filter(isOwned)
          .map(({ metadata, revision, data }) => ({
            ...{ revision, made: metadata.creationTimestamp, cause: metadata.annotations?.[CAUSE] },
            ...{ template: data.spec.template, pods: undefined },
          }));
  return revisions.toSorted((one, other) => other.revision - one.revision);
}

function history(revisions: readonly Revision[], current: Template, where: string): ToolOutput {
  const now = new Date();
  const rows = revisions.map(({ revision, made, cause, template, pods }) => [
    String(revision),
    templateDiff(template, current).length === 0 ? "current" : "",
    agoOf(made, now),
    pods === undefined ? "-" : String(pods),
    imagesOf(template),
    cause ?? "-",
  ]);
  return rowsOutput({
    summary: `${revisions.length} revision${revisions.length === 1 ? "" : "s"} of ${where}.`,
    header: ["REVISION", "STATE", "AGE", "PODS", "IMAGES", "CHANGE CAUSE"],
    ...{ rows, total: rows.length, narrow: "revision" },
  });
}

function imagesOf({ spec }: Template): string {
  return (spec?.containers ?? []).map(({ name, image = "?" }) => `${name}=${image}`).join(", ");
}

function difference(
  revisions: readonly Revision[],
  { revision, current }: { revision: number; current: Template },
  where: string,
): ToolOutput {
  const found = revisions.find((one) => one.revision === revision);
  if (found === undefined) {
    const known = revisions.map((one) => one.revision).join(", ") || "none";
    throw new ToolError(`There is no revision ${revision} of ${where}; there are ${known}.`);
  }
  const lines = templateDiff(current, found.template);
  const what = lines.length === 0 ? "is the same as" : "differs from";
  const summary = `Revision ${revision} of ${where} ${what} what is wanted now${lines.length === 0 ? "." : " (- now, + in the revision):"}`;
  return textOutput({ summary, text: lines.join("\n"), keep: "beginning" });
}
