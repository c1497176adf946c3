import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { namespaceField } from "../object-place.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { listAt, textAt } from "./object-fields.ts";
import { planPatch } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import { containerField, inNamespace, nameField, onObject, read, type WriteDeps, wordsOf } from "./target.ts";

/** Kinds whose pods are replaced by a rollout. */
const RolloutKind = z.preprocess(
  (value) => (typeof value === "string" ? (ROLLOUT_KINDS.get(value.toLowerCase()) ?? value) : value),
  z.enum(["Deployment", "StatefulSet", "DaemonSet"]),
);

const ROLLOUT_KINDS: ReadonlyMap<string, string> = new Map([
  ...["deployment", "deployments", "deploy"].map((name) => [name, "Deployment"] as const),
  ...["statefulset", "statefulsets", "sts"].map((name) => [name, "StatefulSet"] as const),
  ...["daemonset", "daemonsets", "ds"].map((name) => [name, "DaemonSet"] as const),
]);

const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";
const GROUP = "apps";

export function createRolloutRestart(deps: WriteDeps): Tool {
  const input = z.strictObject({
    kind: RolloutKind.default("Deployment").describe("Deployment, StatefulSet or DaemonSet."),
    name: nameField,
    namespace: namespaceField,
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, (given) => ({ ...given, apiVersion: GROUP }));
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "patch" }, context.signal);
    const before = await read(spot.api, spot.target, context);
    const annotations = { [RESTARTED_AT]: nowText() };
    const patch = { spec: { template: { metadata: { annotations } } } };
    const done = `Restarted the pods of ${wordsOf(spot.target)}, one after the other as its strategy says,`;
    return planPatch({ spot, before, patch, type: "strategic", done, shownAs: withoutNow }, context);
  });
  return defineTool({
    name: "k8s_rollout_restart",
    description: "Replaces all pods of a Deployment, StatefulSet or DaemonSet by new ones, as its strategy says.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("patch"),
    command: ({ kind, name, namespace, context }) =>
      kubectl(["rollout", "restart", `${kind.toLowerCase()}/${name}`], { namespace, context }),
    approval: {
      summary: ({ kind, name, namespace }) => `Restarts all pods of ${kind} ${name}${inNamespace(namespace)}.`,
      preview: change.preview,
    },
    run: change.run,
  });
}

/** With seconds, as kubectl writes it. */
function nowText(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

/** The time at which a plan was made is another one in each. */
function withoutNow(lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line.startsWith("+") && line.includes(RESTARTED_AT)
      ? line.replace(/: "[^"]*"$/, ": (the time at which it is done)")
      : line,
  );
}

const IMAGE_CHARS = 512;

/** Name, tag and digest as the reference of an image has them; no shell, no blank, no variable. */
const IMAGE =
  /^(?:[a-z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

export function createSetImage(deps: WriteDeps): Tool {
  const input = z.strictObject({
    kind: RolloutKind.default("Deployment").describe("Deployment, StatefulSet or DaemonSet."),
    name: nameField,
    container: containerField.describe("Name of the container in its pods."),
    image: z.string().max(IMAGE_CHARS).regex(IMAGE, "is not the name of an image").describe("For example nginx:1.29."),
    namespace: namespaceField,
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, (given) => ({ ...given, apiVersion: GROUP }));
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    await checkPermission(spot.api, spot.target, { verb: "patch" }, context.signal);
    const before = await read(spot.api, spot.target, context);
    const list = listWith(before, given.container);
    const patch = { spec: { template: { spec: { [list]: [{ name: given.container, image: given.image }] } } } };
    const done = `Set the image of container ${given.container} of ${wordsOf(spot.target)} to ${given.image}`;
    return planPatch({ spot, before, patch, type: "strategic", done }, context);
  });
  return defineTool({
    name: "k8s_set_image",
    description: "Gives a container of a Deployment, StatefulSet or DaemonSet another image, which replaces its pods.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("patch"),
    command: ({ kind, name, container, image, namespace, context }) =>
      kubectl(["set", "image", `${kind.toLowerCase()}/${name}`, `${container}=${image}`], { namespace, context }),
    approval: {
      summary: ({ kind, name, container, image, namespace }) =>
        `Sets the image of container ${container} of ${kind} ${name}${inNamespace(namespace)} to ${image}.`,
      preview: change.preview,
    },
    run: change.run,
  });
}

function listWith(object: unknown, container: string): "containers" | "initContainers" {
  const pod = ["spec", "template", "spec"];
  const namesIn = (list: string): string[] =>
    listAt(object, [...pod, list]).flatMap((one) => textAt(one, ["name"]) ?? []);
  if (namesIn("containers").includes(container)) return "containers";
  if (namesIn("initContainers").includes(container)) return "initContainers";
  const names = [...namesIn("containers"), ...namesIn("initContainers")].join(", ");
  throw new ToolError(`There is no container ${container}; there are ${names}.`);
}
