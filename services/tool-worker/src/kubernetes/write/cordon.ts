import { z } from "zod";
import { defineTool, type Tool } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { planPatch } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import { nameField, onObject, read, type WriteDeps } from "./target.ts";

export function createCordon(deps: WriteDeps): Tool {
  const input = z.strictObject({
    name: nameField.describe("Name of the node."),
    op: z
      .enum(["cordon", "uncordon"])
      .default("cordon")
      .describe("cordon: no new pods come to the node. uncordon: they may again."),
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, ({ name }) => ({ kind: "Node", apiVersion: "v1", name }));
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "patch" }, context.signal);
    const before = await read(spot.api, spot.target, context);
    const patch = { spec: { unschedulable: given.op === "cordon" ? true : null } };
    const done = given.op === "cordon" ? "No new pods come to" : "New pods may come again to";
    return planPatch({ spot, before, type: "merge", patch, done: `${done} Node ${given.name}` }, context);
  });
  return defineTool({
    name: "k8s_cordon",
    description: "Keeps new pods away from a node, or lets them come again. The pods that it has stay.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("patch"),
    command: ({ name, op, context }) => kubectl([op, name], { context }),
    approval: {
      summary: ({ name, op }) =>
        op === "cordon" ? `Keeps new pods away from Node ${name}.` : `Lets new pods come to Node ${name} again.`,
      preview: change.preview,
    },
    run: change.run,
  });
}
