import type { ClusterView } from "./cluster.ts";
import { AGE, ageOf, NAME, pairs } from "./columns.ts";
import { type Event, eventObjects } from "./event-objects.ts";
import { namespaceObjects, type Node, nodeObjects } from "./node-objects.ts";
import { type Pod, podObjects } from "./pod-objects.ts";
import { defineResource, type ResourceKind } from "./resource-kind.ts";
import { endpointsObjects, type Service, serviceObjects } from "./service-objects.ts";
import { configMapObjects, secretObjects } from "./settings-objects.ts";

const pods = defineResource<Pod>({
  apiVersion: "v1",
  plural: "pods",
  kind: "Pod",
  shortNames: ["po"],
  categories: ["all"],
  writes: ["delete"],
  objects: podObjects,
  fields: ({ spec, status }) => ({
    "status.phase": status.phase,
    "spec.nodeName": spec.nodeName ?? "",
    "spec.restartPolicy": spec.restartPolicy,
    "spec.schedulerName": spec.schedulerName,
    "spec.serviceAccountName": spec.serviceAccountName,
    "status.podIP": status.podIP ?? "",
  }),
  columns: [
    NAME,
    {
      name: "Ready",
      cell: (pod) => `${containersOf(pod).filter(({ ready }) => ready).length}/${pod.spec.containers.length}`,
    },
    {
      name: "Status",
      cell: (pod) => containersOf(pod).find(({ state }) => state.waiting)?.state.waiting?.reason ?? pod.status.phase,
    },
    { name: "Restarts", cell: (pod, view) => restartsText(pod, view) },
    AGE,
    { name: "IP", wide: true, cell: ({ status }) => status.podIP ?? "<none>" },
    { name: "Node", wide: true, cell: ({ spec }) => spec.nodeName ?? "<none>" },
    { name: "Nominated Node", wide: true, cell: () => "<none>" },
    { name: "Readiness Gates", wide: true, cell: () => "<none>" },
  ],
});

function containersOf({ status }: Pod) {
  return status.containerStatuses ?? [];
}

function restartsText(pod: Pod, view: ClusterView): string {
  const count = containersOf(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ended =
    containersOf(pod)
      .map(({ lastState }) => lastState.terminated?.finishedAt ?? "")
      .toSorted()
      .at(-1) ?? "";
  return count === 0 || ended === "" ? String(count) : `${count} (${ageOf(ended, view)} ago)`;
}

const events = defineResource<Event>({
  apiVersion: "v1",
  plural: "events",
  kind: "Event",
  shortNames: ["ev"],
  objects: eventObjects,
  fields: ({ involvedObject, reason, type, source }) => ({
    "involvedObject.kind": involvedObject.kind,
    "involvedObject.namespace": involvedObject.namespace,
    "involvedObject.name": involvedObject.name,
    "involvedObject.uid": involvedObject.uid,
    "involvedObject.apiVersion": involvedObject.apiVersion,
    "involvedObject.resourceVersion": "",
    "involvedObject.fieldPath": involvedObject.fieldPath ?? "",
    reason,
    type,
    source: source.component,
  }),
  columns: [
    { name: "Last Seen", cell: ({ lastTimestamp }, view) => ageOf(lastTimestamp, view) },
    { name: "Type", cell: ({ type }) => type },
    { name: "Reason", cell: ({ reason }) => reason },
    { name: "Object", cell: ({ involvedObject }) => `${involvedObject.kind.toLowerCase()}/${involvedObject.name}` },
    { name: "Subobject", wide: true, cell: ({ involvedObject }) => involvedObject.fieldPath ?? "" },
    { name: "Source", wide: true, cell: ({ source }) => source.component },
    { name: "Message", cell: ({ message }) => message },
    { name: "First Seen", wide: true, cell: ({ firstTimestamp }, view) => ageOf(firstTimestamp, view) },
    { name: "Count", wide: true, cell: ({ count }) => count },
    { name: "Name", wide: true, cell: ({ metadata }) => metadata.name },
  ],
});

const nodes = defineResource<Node>({
  apiVersion: "v1",
  plural: "nodes",
  kind: "Node",
  namespaced: false,
  shortNames: ["no"],
  objects: nodeObjects,
  fields: () => ({ "spec.unschedulable": "false" }),
  columns: [
    NAME,
    {
      name: "Status",
      cell: ({ status }) =>
        status.conditions.some(({ type, status: state }) => type === "Ready" && state === "True")
          ? "Ready"
          : "NotReady",
    },
    {
      name: "Roles",
      cell: ({ metadata }) => ("node-role.kubernetes.io/control-plane" in metadata.labels ? "control-plane" : "<none>"),
    },
    AGE,
    { name: "Version", cell: ({ status }) => status.nodeInfo.kubeletVersion },
    { name: "Internal-IP", wide: true, cell: ({ status }) => status.addresses[0]?.address ?? "<none>" },
    { name: "External-IP", wide: true, cell: () => "<none>" },
    { name: "OS-Image", wide: true, cell: ({ status }) => status.nodeInfo.osImage },
    { name: "Kernel-Version", wide: true, cell: ({ status }) => status.nodeInfo.kernelVersion },
    { name: "Container-Runtime", wide: true, cell: ({ status }) => status.nodeInfo.containerRuntimeVersion },
  ],
});

const namespaces = defineResource({
  apiVersion: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
  shortNames: ["ns"],
  objects: namespaceObjects,
  fields: ({ status }) => ({ "status.phase": status.phase }),
  columns: [NAME, { name: "Status", cell: ({ status }) => status.phase }, AGE],
});

const services = defineResource<Service>({
  apiVersion: "v1",
  plural: "services",
  kind: "Service",
  shortNames: ["svc"],
  categories: ["all"],
  objects: serviceObjects,
  columns: [
    NAME,
    { name: "Type", cell: ({ spec }) => spec.type },
    { name: "Cluster-IP", cell: ({ spec }) => spec.clusterIP },
    { name: "External-IP", cell: () => "<none>" },
    { name: "Port(s)", cell: ({ spec }) => spec.ports.map(({ port, protocol }) => `${port}/${protocol}`).join(",") },
    AGE,
    { name: "Selector", wide: true, cell: ({ spec }) => pairs(spec.selector) },
  ],
});

const endpoints = defineResource({
  apiVersion: "v1",
  plural: "endpoints",
  kind: "Endpoints",
  shortNames: ["ep"],
  objects: endpointsObjects,
  columns: [
    NAME,
    {
      name: "Endpoints",
      cell: ({ subsets }) =>
        subsets
          .flatMap(({ addresses, ports }) => (addresses ?? []).map(({ ip }) => `${ip}:${ports[0]?.port ?? 0}`))
          .join(",") || "<none>",
    },
    AGE,
  ],
});

const configMaps = defineResource({
  apiVersion: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  shortNames: ["cm"],
  objects: configMapObjects,
  columns: [NAME, { name: "Data", cell: ({ data }) => Object.keys(data).length }, AGE],
});

const secrets = defineResource({
  apiVersion: "v1",
  plural: "secrets",
  kind: "Secret",
  objects: secretObjects,
  fields: ({ type }) => ({ type }),
  columns: [
    NAME,
    { name: "Type", cell: ({ type }) => type },
    { name: "Data", cell: ({ data }) => Object.keys(data).length },
    AGE,
  ],
});

export const CORE_RESOURCES: readonly ResourceKind[] = [
  configMaps,
  endpoints,
  events,
  namespaces,
  nodes,
  pods,
  secrets,
  services,
];
