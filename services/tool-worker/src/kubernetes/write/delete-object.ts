import { z } from "zod";
import { defineTool, type Preview, type Tool, type ToolContext, ToolError } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { namespaceField } from "../object-place.ts";
import { changeOf, type Plan } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { listAt, textAt } from "./object-fields.ts";
import { tryOut } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import {
  apiVersionField,
  inNamespace,
  kindField,
  nameField,
  onObject,
  read,
  requestFor,
  type Spot,
  type TargetRequest,
  type WriteDeps,
  wordsOf,
} from "./target.ts";

const MAX_GRACE_SECONDS = 3_600;

function inputOf(deps: WriteDeps) {
  return z.strictObject({
    kind: kindField,
    name: nameField,
    namespace: namespaceField,
    apiVersion: apiVersionField,
    gracePeriodSeconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .optional()
      .describe("How long a pod may take to stop; 0 ends it at once. Left out: as the object says."),
    propagation: z
      .enum(["Background", "Foreground", "Orphan"])
      .optional()
      .describe("What becomes of what it owns: deleted after it, deleted before it, or kept. Left out: Background."),
    uid: z.string().max(128).optional().describe("Only if the object has this uid; else nothing is done."),
    ...contextField(deps.clusters),
  });
}
type Input = z.output<ReturnType<typeof inputOf>>;

export function createDelete(deps: WriteDeps): Tool {
  const object = onObject<Input>(deps, (given) => given);
  const change = changeOf<Input>(async (given, context) =>
    planDelete(await object.find(given, context), given, context),
  );
  return defineTool({
    name: "k8s_delete",
    description: "Deletes one object of any kind. Whoever agrees has to type its name.",
    input: inputOf(deps),
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("delete"),
    command: ({ kind, name, gracePeriodSeconds: grace, propagation, namespace, context }) =>
      kubectl(
        [
          ...["delete", kind.toLowerCase(), name],
          grace === undefined ? undefined : `--grace-period=${grace}`,
          grace === 0 ? "--force" : undefined,
          propagation && `--cascade=${propagation.toLowerCase()}`,
        ],
        { namespace, context },
      ),
    approval: {
      summary: ({ kind, name, namespace }) => `Deletes ${kind} ${name}${inNamespace(namespace)}.`,
      preview: change.preview,
      confirm: ({ name }) => name,
    },
    run: change.run,
  });
}

/** Bound to the very object: another one that is made under its name in between stays. */
async function planDelete(spot: Spot, given: Input, context: ToolContext): Promise<Plan> {
  const { api, cluster, target } = spot;
  await checkPermission(api, target, { verb: "delete" }, context.signal);
  const before = await read(api, target, context);
  const options = {
    ...{ kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid: checkedUid(before, given) } },
    propagationPolicy: given.propagation ?? "Background",
    ...(given.gracePeriodSeconds !== undefined && { gracePeriodSeconds: given.gracePeriodSeconds }),
  };
  const request: TargetRequest = { method: "DELETE", verb: "delete" };
  await tryOut(api, target, { ...request, body: { ...options, dryRun: ["All"] } }, context);
  return {
    preview: previewOf(spot, before, given),
    async send({ signal }) {
      const left = await api.json(requestFor(target, signal, { ...request, body: options }));
      const isLeaving = textAt(left, ["metadata", "deletionTimestamp"]) !== undefined;
      return `${isLeaving ? "Began to delete" : "Deleted"} ${wordsOf(target)} of the ${cluster.label}.`;
    },
  };
}

function checkedUid(object: unknown, { uid: wanted, gracePeriodSeconds }: Input): string {
  const uid = textAt(object, ["metadata", "uid"]);
  if (uid === undefined) throw new ToolError("The cluster does not say which object it is, so it is not deleted.");
  if (wanted !== undefined && wanted !== uid) throw new ToolError(`Not done: the object has the uid ${uid}.`);
  // A pod whose node is away is ended by a second, shorter time to stop.
  if (textAt(object, ["metadata", "deletionTimestamp"]) !== undefined && gracePeriodSeconds === undefined)
    throw new ToolError("Not done: it is being deleted already. With gracePeriodSeconds 0 nothing is waited for.");
  return uid;
}

/** What a person has to know who is to type its name. */
function previewOf({ cluster, target }: Spot, object: unknown, wanted: Input): Preview {
  const owners = listAt(object, ["metadata", "ownerReferences"]).map(
    (owner) => `${textAt(owner, ["kind"]) ?? "?"} ${textAt(owner, ["name"]) ?? "?"}`,
  );
  const finalizers = listAt(object, ["metadata", "finalizers"]).map(String);
  const { gracePeriodSeconds: grace, propagation = "Background" } = wanted;
  const lines = [
    `-${wordsOf(target)} of the ${cluster.label}`,
    ` made at ${textAt(object, ["metadata", "creationTimestamp"]) ?? "an unknown time"}, uid ${textAt(object, ["metadata", "uid"]) ?? "?"}`,
    ...(owners.length === 0 ? [] : [` belongs to ${owners.join(", ")}, which may make a new one`]),
    ...(finalizers.length === 0 ? [] : [` stays until these let it go: ${finalizers.join(", ")}`]),
    propagation === "Orphan" ? " what it owns is kept" : ` what it owns is deleted too (${propagation})`,
    ...(grace === undefined ? [] : [` time to stop: ${grace} s${grace === 0 ? ", so it is ended at once" : ""}`]),
  ];
  return { kind: "diff", text: lines.join("\n") };
}
