import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../tools/tool.ts";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";
import { describe, type ObjectEvents } from "./description.ts";
import { findKind, kinds, type Kind } from "./kind-facts.ts";
import { Namespace, ObjectName } from "./namespace-rule.ts";

const EVENTS_READ = 100;

export function createDescribe(cluster: Cluster): Tool {
  const names = kinds.map(({ kind }) => kind).join(", ");
  return defineTool({
    name: "k8s_describe",
    aliases: ["describe_pod", "get_pod_status"],
    description: `Describes one object of the ${cluster.label}: its state, conditions, containers and last events. Kinds: ${names}.`,
    input: z.strictObject({
      name: ObjectName.describe("Name of the object."),
      kind: z.string().max(63).default("Pod").describe("For example Pod or Deployment."),
      namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
    }),
    argumentAliases: { pod_name: "name", pod: "name", resource_name: "name", resource_type: "kind", output_format: "" },
    effect: "read",
    timeoutMs: 20_000,
    async run({ name, kind: kindName, namespace = cluster.defaultNamespace }, { signal }) {
      const kind = kindNamed(kindName, names);
      checkAllowed(cluster, kind, { name, namespace });
      const place = kind.isNamespaced ? { namespace } : {};
      const asked = { what: kind.kind.toLowerCase(), name, ...place };
      const read = () => kind.read(cluster, { name, namespace }, abortableBy(signal));
      const object = await asking(cluster, asked, read, signal);
      const events = await readEvents(cluster, kind, { name, namespace }, signal);
      const where = kind.isNamespaced ? ` in namespace ${namespace}` : "";
      return describe(`${kind.kind} ${name}${where} of the ${cluster.label}`, object, events, new Date());
    },
  });
}

function kindNamed(name: string, names: string): Kind {
  if (/^secrets?$/i.test(name)) throw new ToolError("Secrets are never read.");
  const kind = findKind(name);
  if (kind === undefined) throw new ToolError(`Objects of kind ${name} cannot be described; these can: ${names}.`);
  return kind;
}

/** What belongs to no namespace tells of all of them, so with an allow-list only the allowed namespaces themselves are open. */
function checkAllowed(
  { namespaces }: Cluster,
  { kind, isNamespaced }: Kind,
  at: { name: string; namespace: string },
): void {
  if (isNamespaced) namespaces.check(at.namespace);
  else if (kind === "Namespace") namespaces.check(at.name);
  else if (namespaces.only !== undefined) throw new ToolError(`Objects of kind ${kind} may not be read here.`);
}

async function readEvents(
  cluster: Cluster,
  { kind, isNamespaced }: Kind,
  { name, namespace }: { name: string; namespace: string },
  signal: AbortSignal,
): Promise<ObjectEvents> {
  const request = { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}`, limit: EVENTS_READ };
  // Kubernetes keeps the events of what has no namespace in this one.
  const place = { namespace: isNamespaced ? namespace : "default" };
  const list = () => cluster.core.listNamespacedEvent({ ...request, ...place }, abortableBy(signal));
  try {
    return (await asking(cluster, { what: "events" }, list, signal)).items;
  } catch (error) {
    // A reader without the right to see events still gets the rest.
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}
