import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../tools/tool.ts";
import { builtInKind } from "./built-in-kinds.ts";
import type { Cluster } from "./cluster.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { describeObject } from "./description.ts";
import { cleanObject, maskObject } from "./masking.ts";
import { ObjectName } from "./namespace-rule.ts";
import { readObject, readPage, type KubeObject } from "./object-list.ts";
import { listAccess } from "./reading.ts";
import {
  accessTo,
  apiVersionField,
  findPlace,
  kindField,
  namespaceField,
  placeWords,
  type Place,
} from "./object-place.ts";
import { textOutput } from "./shape.ts";

const eventsRead = 500;
const maxOwners = 5;

export function createDescribe(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_describe",
    aliases: ["describe_pod", "get_pod_status"],
    description: `Describes one object of any kind of the ${label}: its state, conditions, owners, containers and last events.`,
    input: z.strictObject({
      name: ObjectName.describe("Name of the object."),
      kind: kindField.default("Pod"),
      apiVersion: apiVersionField,
      namespace: namespaceField,
      ...contextField(clusters),
    }),
    argumentAliases: { pod_name: "name", pod: "name", resource_name: "name", resource_type: "kind", output_format: "" },
    effect: "read",
    timeoutMs: 20_000,
    access: async (input, { signal }) => {
      const cluster = clusters.of(input.context);
      const place = await findPlace(cluster, input, signal);
      const events = { namespace: place.namespace ?? eventsNamespace };
      return [...accessTo(cluster, "get", place), ...listAccess(cluster, [builtInKind("Event")], events)];
    },
    async run(input, { signal }) {
      const cluster = clusters.of(input.context);
      const place = await findPlace(cluster, input, signal);
      const { kind, namespace } = place;
      const object = await readObject(cluster, kind, { namespace, name: input.name }, signal);
      const [owners, events] = await Promise.all([
        ownersOf(cluster, object, place, signal),
        eventsOf(cluster, object, place, signal),
      ]);
      const shown = maskObject(cleanObject(object), kind.kind);
      const text = describeObject({ object: shown, owners, events }, new Date());
      return textOutput({
        summary: `${placeWords(cluster, place)}:`,
        text,
        keep: "beginning",
        narrow: "k8s_get_resource",
      });
    },
  });
}

/** Kubernetes keeps the events of what has no namespace in this one. */
const eventsNamespace = "default";

/** Who controls it, who controls that, and so on. What cannot be read ends the chain. */
async function ownersOf(cluster: Cluster, object: KubeObject, place: Place, signal: AbortSignal): Promise<string[]> {
  const chain = [`${place.kind.kind}/${place.name ?? ""}`];
  let current = object;
  while (chain.length <= maxOwners) {
    const owners = current.metadata.ownerReferences ?? [];
    const owner = owners.find(({ controller }) => controller === true) ?? owners[0];
    if (owner === undefined) break;
    chain.push(`${owner.kind}/${owner.name}`);
    const next = await unlessRefused(async () => {
      const at = await findPlace(cluster, { ...owner, namespace: place.namespace }, signal);
      // Anybody who makes an object can name one as its owner.
      if (at.kind.group === "" && at.kind.kind === "Secret") return undefined;
      return readObject(cluster, at.kind, { namespace: at.namespace, name: owner.name }, signal);
    });
    if (next === undefined) break;
    current = next;
  }
  return chain;
}

async function eventsOf(
  cluster: Cluster,
  object: KubeObject,
  { kind, namespace, name }: Place,
  signal: AbortSignal,
): Promise<readonly KubeObject[] | undefined> {
  const fieldSelector = `involvedObject.kind=${kind.kind},involvedObject.name=${name ?? ""}`;
  const request = { namespace: namespace ?? eventsNamespace, fieldSelector, limit: eventsRead, signal };
  const page = await unlessRefused(async () => {
    cluster.namespaces.check(request.namespace);
    return readPage(cluster, builtInKind("Event"), request);
  });
  const { uid } = object.metadata;
  // One of the same name may have been there before.
  return page?.items.filter((event) => uidOf(event) === undefined || uid === undefined || uidOf(event) === uid);
}

const Involved = z.object({ uid: z.string().min(1) });

/** Nodes are named by their own name in place of a uid. */
function uidOf({ involvedObject }: KubeObject): string | undefined {
  const uid = Involved.safeParse(involvedObject).data?.uid;
  return uid?.includes("-") === true && uid.length === uuidChars ? uid : undefined;
}

const uuidChars = 36;

/** A reader without the right to see one part still gets the rest. */
async function unlessRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}
