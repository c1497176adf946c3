import { z } from "zod";
import { defineTool, type Tool } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { diffPreview, tryOut } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import { nameField, onObject, requestFor, type TargetRequest, type WriteDeps } from "./target.ts";

export function createCreateNamespace(deps: WriteDeps): Tool {
  const input = z.strictObject({
    name: nameField.max(63).describe("Name of the new namespace."),
    labels: z.record(z.string().max(317), z.string().max(63)).optional().describe('Labels, such as {"team":"shop"}.'),
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, ({ name }) => ({ kind: "Namespace", apiVersion: "v1", name }));
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "create" }, context.signal);
    const metadata = { name: given.name, ...(given.labels && { labels: given.labels }) };
    const request: TargetRequest = {
      ...{ method: "POST", verb: "create", isNew: true },
      body: { apiVersion: "v1", kind: "Namespace", metadata },
    };
    const after = await tryOut(spot.api, spot.target, request, context);
    return {
      preview: diffPreview([{ ...spot, before: undefined, after }]),
      async send({ signal }) {
        await spot.api.json(requestFor(spot.target, signal, request));
        return `Made Namespace ${given.name} in the ${spot.cluster.label}.`;
      },
    };
  });
  return defineTool({
    name: "k8s_create_namespace",
    description: "Makes a namespace.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("create"),
    command: ({ name, context }) => kubectl(["create", "namespace", name], { context }),
    approval: { summary: ({ name }) => `Makes the namespace ${name}.`, preview: change.preview },
    run: change.run,
  });
}
