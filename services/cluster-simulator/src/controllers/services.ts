import { pickNumber } from "../fixed-random.ts";
import { compact, isSame, type Json, type JsonObject, listAt, numberAt, objectAt, textAt, textsAt } from "../json.ts";
import { isLeaving, type KubeObject, labelsOf, nameOf, namespaceOf } from "../kube-object.ts";
import { isOver, isReadyPod } from "./pods-of.ts";
import type { World } from "./world.ts";

/** Gives services their address, and keeps the pods behind each in the lists that say which of them are ready. */
export function runServices(world: World): void {
  for (const service of world.list("Service")) {
    if (isLeaving(service)) continue;
    addAddress(service, world);
    if (Object.keys(objectAt(service, "spec", "selector")).length > 0) listPods(service, world);
  }
  for (const kind of ["Endpoints", "EndpointSlice"]) removeForgotten(kind, world);
}

function addAddress(service: KubeObject, world: World): void {
  const type = textAt(service, "spec", "type");
  if (textAt(service, "spec", "clusterIP") !== undefined || type === "ExternalName") return;
  const seed = `${namespaceOf(service) ?? ""}/${nameOf(service)}`;
  const address = `10.96.${pickNumber(`${seed}/net`, 200)}.${1 + pickNumber(`${seed}/host`, 250)}`;
  world.change(service, (draft) => {
    draft["spec"] = { ...objectAt(draft, "spec"), clusterIP: address, clusterIPs: [address] };
    draft["status"] = { loadBalancer: {} };
  });
}

function portNumber(port: Json, pod: KubeObject | undefined): number {
  const target = numberAt(port, "targetPort");
  if (target !== undefined) return target;
  const name = textAt(port, "targetPort");
  const ports = listAt(pod, "spec", "containers").flatMap((container) => listAt(container, "ports"));
  return (
    numberAt(
      ports.find((entry) => textAt(entry, "name") === name),
      "containerPort",
    ) ??
    numberAt(port, "port") ??
    0
  );
}

function listPods(service: KubeObject, world: World): void {
  const namespace = namespaceOf(service);
  const selector = Object.entries(textsAt(service, "spec", "selector"));
  const pods = world.list("Pod").filter((pod) => {
    const labels = labelsOf(pod);
    const isChosen = namespaceOf(pod) === namespace && selector.every(([key, value]) => labels[key] === value);
    return isChosen && textAt(pod, "status", "podIP") !== undefined && !isOver(pod) && !isLeaving(pod);
  });
  const ports = listAt(service, "spec", "ports").map((port) =>
    compact({
      name: textAt(port, "name"),
      port: portNumber(port, pods[0]),
      protocol: textAt(port, "protocol") ?? "TCP",
    }),
  );
  const [ready, unready] = [pods.filter(isReadyPod), pods.filter((pod) => !isReadyPod(pod))];
  const subset: JsonObject = {
    ...(ready.length > 0 && { addresses: ready.map(addressOf) }),
    ...(unready.length > 0 && { notReadyAddresses: unready.map(addressOf) }),
    ports,
  };
  keep("Endpoints", service, { name: nameOf(service), fields: { subsets: pods.length > 0 ? [subset] : [] } }, world);
  const slice = {
    addressType: "IPv4",
    endpoints: pods.map((pod) => ({
      addresses: [textAt(pod, "status", "podIP") ?? ""],
      conditions: { ready: isReadyPod(pod), serving: isReadyPod(pod), terminating: false },
      nodeName: textAt(pod, "spec", "nodeName") ?? "",
      targetRef: targetOf(pod),
    })),
    ports,
  };
  keep(
    "EndpointSlice",
    service,
    { name: `${nameOf(service)}-${service.metadata.uid.slice(0, 5)}`, fields: slice },
    world,
  );
}

function targetOf(pod: KubeObject): JsonObject {
  return { kind: "Pod", namespace: namespaceOf(pod) ?? "", name: nameOf(pod), uid: pod.metadata.uid };
}

function addressOf(pod: KubeObject): JsonObject {
  return {
    ip: textAt(pod, "status", "podIP") ?? "",
    nodeName: textAt(pod, "spec", "nodeName") ?? "",
    targetRef: targetOf(pod),
  };
}

function keep(
  kind: string,
  service: KubeObject,
  { name, fields }: { name: string; fields: JsonObject },
  world: World,
): void {
  const known = world.get(kind, namespaceOf(service), name);
  const labels = kind === "EndpointSlice" ? { "kubernetes.io/service-name": nameOf(service) } : labelsOf(service);
  if (known === undefined) world.make(kind, { name, namespace: namespaceOf(service), labels, owner: service, fields });
  else if (!Object.entries(fields).every(([key, value]) => isSame(known[key], value)))
    world.change(known, (draft) => Object.assign(draft, fields));
}

/** Of services that are gone; those without an owner were made by hand. */
function removeForgotten(kind: string, world: World): void {
  const services = new Set(world.list("Service").map(({ metadata }) => metadata.uid));
  for (const object of world.list(kind)) {
    const owner = textAt(object, "metadata", "ownerReferences", 0, "uid");
    if (owner !== undefined && !services.has(owner)) world.remove(object);
  }
}
