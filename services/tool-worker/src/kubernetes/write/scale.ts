import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { namespaceField } from "../object-place.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { valueAt } from "./object-fields.ts";
import { planPatch } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import {
  apiVersionField,
  kindField,
  nameField,
  onObject,
  requestFor,
  wordsOf,
  inNamespace,
  type WriteDeps,
} from "./target.ts";

/** More is a slip, or somebody's bill. */
const MAX_REPLICAS = 100;
const subresource = "scale";

export function createScale(deps: WriteDeps): Tool {
  const input = z.strictObject({
    kind: kindField.default("Deployment"),
    name: nameField,
    replicas: z.int().min(0).max(MAX_REPLICAS).describe("How many there are to be."),
    namespace: namespaceField,
    apiVersion: apiVersionField,
    expectReplicas: z.int().min(0).optional().describe("Only if so many are wanted now; else nothing is done."),
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, (given) => given);
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    const { api, target } = spot;
    await checkPermission(api, target, { verb: "patch", subresource }, context.signal);
    const before = await api.json(requestFor(target, context.signal, { subresource }));
    const wanted = Number(valueAt(before, ["spec", "replicas"]) ?? 0);
    if (given.expectReplicas !== undefined && wanted !== given.expectReplicas)
      throw new ToolError(`Not done: ${wordsOf(target)} has ${wanted} replicas, not ${given.expectReplicas}.`);
    const done = `Scaled ${wordsOf(target)} from ${wanted} to ${given.replicas} replicas`;
    const patch = { spec: { replicas: given.replicas } };
    return planPatch({ spot, before, patch, type: "merge", subresource, done }, context);
  });
  return defineTool({
    name: "k8s_scale",
    description: "Sets how many replicas a Deployment, StatefulSet, ReplicaSet or other scalable object has.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("scale"),
    command: ({ kind, name, replicas, namespace, context }) =>
      kubectl(["scale", `${kind.toLowerCase()}/${name}`, `--replicas=${replicas}`], { namespace, context }),
    approval: {
      summary: ({ kind, name, namespace, replicas }) =>
        `Scales ${kind} ${name}${inNamespace(namespace)} to ${replicas} replicas.`,
      preview: change.preview,
      confirm: ({ name, replicas }) => (replicas === 0 ? name : undefined),
    },
    run: change.run,
  });
}
