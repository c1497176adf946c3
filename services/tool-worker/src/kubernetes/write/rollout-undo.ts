import { z } from "zod";
import { defineTool, type Tool, ToolError, type ToolContext } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { pathOf } from "../kube-api.ts";
import { namespaceField } from "../object-place.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { fieldsOf, isFields, listAt, textAt, type Fields } from "./object-fields.ts";
import { planPatch } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import { inNamespace, nameField, onObject, read, type Spot, type WriteDeps, wordsOf } from "./target.ts";

const REVISION = "deployment.kubernetes.io/revision";
const TEMPLATE_HASH = "pod-template-hash";
const GROUP = "apps";
/** Old ReplicaSets of one namespace that are looked at; Deployments keep ten each. */
const MAX_REPLICA_SETS = 500;

interface Revision {
  readonly number: number;
  readonly template: Fields;
}

export function createRolloutUndo(deps: WriteDeps): Tool {
  const input = z.strictObject({
    name: nameField,
    toRevision: z.int().min(1).optional().describe("Which one, as k8s_rollout_history shows it. Left out: the last."),
    namespace: namespaceField,
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, ({ name, namespace }) => {
    return { kind: "Deployment", apiVersion: GROUP, name, namespace };
  });
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "patch" }, context.signal);
    const before = await read(spot.api, spot.target, context);
    const wanted = chosen(await revisionsOf(spot, before, context), before, given.toRevision);
    const patch = [{ op: "replace", path: "/spec/template", value: wanted.template }];
    const done = `Set ${wordsOf(spot.target)} back to revision ${wanted.number}`;
    return planPatch({ spot, before, type: "json", patch, done }, context);
  });
  return defineTool({
    name: "k8s_rollout_undo",
    description: "Sets a Deployment back to an earlier revision of its pods, which replaces them.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("patch"),
    command: ({ name, toRevision, namespace, context }) =>
      kubectl(
        ["rollout", "undo", `deployment/${name}`, toRevision === undefined ? undefined : `--to-revision=${toRevision}`],
        { namespace, context },
      ),
    approval: {
      summary: ({ name, toRevision, namespace }) =>
        `Sets Deployment ${name}${inNamespace(namespace)} back to ${toRevision === undefined ? "its last revision" : `revision ${toRevision}`}.`,
      preview: change.preview,
    },
    run: change.run,
  });
}

/** What the Deployment was before: its ReplicaSets, oldest first. */
async function revisionsOf(
  { api, cluster, target }: Spot,
  deployment: unknown,
  { signal }: ToolContext,
): Promise<readonly Revision[]> {
  const kind = await cluster.kinds.find("ReplicaSet", { apiVersion: GROUP, signal });
  const path = pathOf(kind, { namespace: target.namespace });
  const asked = { what: "replicasets", ...(target.namespace !== undefined && { namespace: target.namespace }) };
  const list = await api.json({ path, query: { limit: MAX_REPLICA_SETS }, asked, signal });
  const uid = textAt(deployment, ["metadata", "uid"]);
  const isOwned = (item: unknown): boolean =>
    uid !== undefined && listAt(item, ["metadata", "ownerReferences"]).some((owner) => textAt(owner, ["uid"]) === uid);
  return listAt(list, ["items"])
    .filter(isOwned)
    .map((item) => ({ number: revisionOf(item), template: templateOf(item) }))
    .filter(({ number }) => number > 0)
    .toSorted((one, other) => one.number - other.number);
}

function revisionOf(object: unknown): number {
  const number = Number(textAt(object, ["metadata", "annotations", REVISION]));
  return Number.isSafeInteger(number) ? number : 0;
}

/** Without the label by which a ReplicaSet tells its pods from those of others. */
function templateOf(replicaSet: unknown): Fields {
  const template = fieldsOf(replicaSet, "spec", "template");
  const metadata = fieldsOf(template, "metadata");
  const labels = Object.fromEntries(
    Object.entries(fieldsOf(metadata, "labels")).filter(([key]) => key !== TEMPLATE_HASH),
  );
  return { ...template, metadata: { ...metadata, ...(isFields(metadata["labels"]) && { labels }) } };
}

function chosen(revisions: readonly Revision[], deployment: unknown, wanted: number | undefined): Revision {
  const current = revisionOf(deployment);
  const earlier = revisions.filter(({ number }) => number !== current);
  const found = wanted === undefined ? earlier.at(-1) : revisions.find(({ number }) => number === wanted);
  if (wanted !== undefined && wanted === current) throw new ToolError(`Revision ${wanted} is the one that it has.`);
  if (found !== undefined) return found;
  const there = earlier.map(({ number }) => number).join(", ");
  if (there === "") throw new ToolError("There is no earlier revision to go back to.");
  throw new ToolError(`There is no revision ${wanted ?? ""}; there are ${there}.`);
}
