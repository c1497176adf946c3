import { isSame, listAt, objectAt, textAt } from "../json.ts";
import { isLeaving, isOwnedBy, type KubeObject, namespaceOf } from "../kube-object.ts";
import { EVENT_LIFE_MS, type World } from "./world.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/** Ends what is on its way out, and what belonged to something that is gone. */
export function collectGarbage(world: World): void {
  endNamespaces(world);
  const all = world.all();
  const uids = new Set(all.map(({ metadata }) => metadata.uid));
  for (const object of all) {
    if (isLeaving(object)) finish(object, all, world);
    else if (isAbandoned(object, uids)) world.remove(object);
  }
}

function isAbandoned(object: KubeObject, uids: ReadonlySet<string>): boolean {
  const owners = listAt(object, "metadata", "ownerReferences");
  return owners.length > 0 && owners.every((owner) => !uids.has(textAt(owner, "uid") ?? ""));
}

function finish(object: KubeObject, all: readonly KubeObject[], world: World): void {
  const finalizers = listAt(object, "metadata", "finalizers");
  const dependents = all.filter((other) => isOwnedBy(other, object.metadata.uid));
  if (finalizers.includes(ORPHAN)) {
    for (const dependent of dependents) letGo(dependent, object, world);
    world.change(object, ({ metadata }) => {
      metadata["finalizers"] = finalizers.filter((name) => name !== ORPHAN);
    });
  } else if (finalizers.includes(FOREGROUND)) {
    for (const dependent of dependents) if (!isLeaving(dependent)) world.remove(dependent);
    if (dependents.length === 0)
      world.change(object, ({ metadata }) => {
        metadata["finalizers"] = finalizers.filter((name) => name !== FOREGROUND);
      });
  } else if (finalizers.length === 0 && object.kind !== "Pod" && object.kind !== "Namespace") world.remove(object);
}

function letGo(dependent: KubeObject, owner: KubeObject, world: World): void {
  world.change(dependent, ({ metadata }) => {
    metadata["ownerReferences"] = listAt(metadata, "ownerReferences").filter(
      (entry) => textAt(entry, "uid") !== owner.metadata.uid,
    );
  });
}

/** A namespace that is deleted takes all that is in it along. */
function endNamespaces(world: World): void {
  for (const namespace of world.list("Namespace")) {
    if (!isLeaving(namespace)) {
      if (!isSame(objectAt(namespace, "status"), { phase: "Active" })) world.setStatus(namespace, { phase: "Active" });
      if (world.get("ServiceAccount", namespace.metadata.name, "default") === undefined)
        world.make("ServiceAccount", { name: "default", namespace: namespace.metadata.name, fields: {} });
      continue;
    }
    const content = world.all().filter((object) => namespaceOf(object) === namespace.metadata.name);
    for (const object of content) world.remove(object);
    if (content.length === 0) world.remove(namespace);
    else world.setStatus(namespace, { phase: "Terminating" });
  }
}

/** Events that are too old to be of use. */
export function forgetEvents(world: World): void {
  for (const event of world.list("Event")) {
    const lastMs = Date.parse(textAt(event, "lastTimestamp") ?? textAt(event, "metadata", "creationTimestamp") ?? "");
    if (lastMs <= world.nowMs - EVENT_LIFE_MS) world.remove(event);
  }
}
