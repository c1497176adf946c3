import { at, isObject, type JsonObject, listAt, numberAt, objectAt, setDefault, textAt, textsAt } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import { ageOf, AGE, column, NAME, pairs, wide } from "./columns.ts";
import type { KindDefinition } from "./define.ts";
import { immutable, invalidValue, required, unsupported } from "./name-problems.ts";
import { POD_KIND } from "./pod-kind.ts";

const DATA_KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const SERVICE_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

const EVENTS: KindDefinition = {
  apiVersion: "v1",
  plural: "events",
  kind: "Event",
  definition: "api.core.v1.Event",
  shortNames: ["ev"],
  fields: (event) => {
    const about = (name: string): string => textAt(event, "involvedObject", name) ?? "";
    return {
      ...Object.fromEntries(
        ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((name) => [
          `involvedObject.${name}`,
          about(name),
        ]),
      ),
      reason: textAt(event, "reason") ?? "",
      reportingComponent: textAt(event, "reportingComponent") ?? "",
      type: textAt(event, "type") ?? "",
      source: textAt(event, "source", "component") ?? "",
    };
  },
  columns: [
    { name: "Last Seen", cell: (event, nowMs) => ageOf(textAt(event, "lastTimestamp"), nowMs) },
    column("Type", ["type"]),
    column("Reason", ["reason"]),
    {
      name: "Object",
      cell: (event) =>
        `${(textAt(event, "involvedObject", "kind") ?? "").toLowerCase()}/${textAt(event, "involvedObject", "name") ?? ""}`,
    },
    wide(column("Subobject", ["involvedObject", "fieldPath"], "")),
    wide(column("Source", ["source", "component"], "")),
    column("Message", ["message"], ""),
    { name: "First Seen", wide: true, cell: (event, nowMs) => ageOf(textAt(event, "firstTimestamp"), nowMs) },
    wide(column("Count", ["count"], 1)),
    { ...NAME, wide: true },
  ],
};

const NODES: KindDefinition = {
  apiVersion: "v1",
  plural: "nodes",
  kind: "Node",
  definition: "api.core.v1.Node",
  namespaced: false,
  shortNames: ["no"],
  subresources: ["status"],
  fields: (node) => ({ "spec.unschedulable": String(at(node, "spec", "unschedulable") === true) }),
  columns: [
    NAME,
    { name: "Status", cell: nodeState },
    { name: "Roles", cell: rolesOf },
    AGE,
    column("Version", ["status", "nodeInfo", "kubeletVersion"], ""),
    wide(column("Internal-IP", ["status", "addresses", 0, "address"])),
    { name: "External-IP", wide: true, cell: () => "<none>" },
    wide(column("OS-Image", ["status", "nodeInfo", "osImage"], "<unknown>")),
    wide(column("Kernel-Version", ["status", "nodeInfo", "kernelVersion"], "<unknown>")),
    wide(column("Container-Runtime", ["status", "nodeInfo", "containerRuntimeVersion"], "<unknown>")),
  ],
};

function nodeState(node: KubeObject): string {
  const ready = listAt(node, "status", "conditions").find((condition) => textAt(condition, "type") === "Ready");
  const state = textAt(ready, "status") === "True" ? "Ready" : ready === undefined ? "Unknown" : "NotReady";
  return at(node, "spec", "unschedulable") === true ? `${state},SchedulingDisabled` : state;
}

function rolesOf({ metadata }: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(objectAt(metadata, "labels")).filter((label) => label.startsWith(prefix));
  return roles.map((role) => role.slice(prefix.length)).join(",") || "<none>";
}

const SERVICES: KindDefinition = {
  apiVersion: "v1",
  plural: "services",
  kind: "Service",
  definition: "api.core.v1.Service",
  shortNames: ["svc"],
  categories: ["all"],
  subresources: ["status"],
  fields: (service) => ({
    "spec.clusterIP": textAt(service, "spec", "clusterIP") ?? "",
    "spec.type": textAt(service, "spec", "type") ?? "",
  }),
  columns: [
    NAME,
    column("Type", ["spec", "type"]),
    column("Cluster-IP", ["spec", "clusterIP"]),
    column("External-IP", ["status", "loadBalancer", "ingress", 0, "ip"]),
    {
      name: "Port(s)",
      cell: (service) =>
        listAt(service, "spec", "ports")
          .map((port) => `${numberAt(port, "port") ?? 0}/${textAt(port, "protocol") ?? "TCP"}`)
          .join(",") || "<none>",
    },
    AGE,
    { name: "Selector", wide: true, cell: (service) => pairs(textsAt(service, "spec", "selector")) },
  ],
  addDefaults: (draft) => {
    if (!isObject(draft["spec"])) return;
    setDefault(draft, ["spec", "type"], "ClusterIP");
    setDefault(draft, ["spec", "sessionAffinity"], "None");
    setDefault(draft, ["spec", "internalTrafficPolicy"], "Cluster");
    setDefault(draft, ["spec", "ipFamilyPolicy"], "SingleStack");
    setDefault(draft, ["spec", "ipFamilies"], ["IPv4"]);
    for (const port of listAt(draft, "spec", "ports")) {
      if (!isObject(port)) continue;
      setDefault(port, ["protocol"], "TCP");
      setDefault(port, ["targetPort"], port["port"] ?? 0);
    }
  },
  problems: (draft, before) => {
    const type = textAt(draft, "spec", "type") ?? "";
    const ports = listAt(draft, "spec", "ports");
    const isHeadless = textAt(draft, "spec", "clusterIP") === "None";
    return [
      ...(SERVICE_TYPES.includes(type) ? [] : [unsupported("spec.type", type, SERVICE_TYPES)]),
      ...(ports.length === 0 && !isHeadless && type !== "ExternalName" ? [required("spec.ports")] : []),
      ...ports.flatMap((port, index) => portProblem(numberAt(port, "port") ?? 0, `spec.ports[${index}].port`)),
      ...(ports.length > 1
        ? ports.flatMap((port, index) =>
            textAt(port, "name") === undefined ? [required(`spec.ports[${index}].name`)] : [],
          )
        : []),
      ...immutable(draft, before, ["spec", "clusterIP"]),
    ];
  },
};

function portProblem(port: number, field: string) {
  return port >= 1 && port <= 65_535 ? [] : [invalidValue(field, port, "must be between 1 and 65535, inclusive")];
}

const ENDPOINTS: KindDefinition = {
  apiVersion: "v1",
  plural: "endpoints",
  kind: "Endpoints",
  definition: "api.core.v1.Endpoints",
  shortNames: ["ep"],
  columns: [
    NAME,
    {
      name: "Endpoints",
      cell: (endpoints) =>
        listAt(endpoints, "subsets")
          .flatMap((subset) =>
            listAt(subset, "addresses").map(
              (address) => `${textAt(address, "ip") ?? ""}:${numberAt(subset, "ports", 0, "port") ?? 0}`,
            ),
          )
          .join(",") || "<none>",
    },
    AGE,
  ],
};

function dataProblems(draft: JsonObject, fields: readonly string[]) {
  return fields.flatMap((field) =>
    Object.keys(objectAt(draft, field))
      .filter((key) => !DATA_KEY.test(key))
      .map((key) =>
        invalidValue(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
      ),
  );
}

const count = (object: KubeObject, ...fields: string[]): number =>
  fields.reduce((sum, field) => sum + Object.keys(objectAt(object, field)).length, 0);

export const CORE_KINDS: readonly KindDefinition[] = [
  {
    apiVersion: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    definition: "api.core.v1.ConfigMap",
    shortNames: ["cm"],
    columns: [NAME, { name: "Data", cell: (map) => count(map, "data", "binaryData") }, AGE],
    problems: (draft, before) => [
      ...dataProblems(draft, ["data", "binaryData"]),
      ...frozen(before, () => immutable(draft, before, ["data"])),
    ],
  },
  ENDPOINTS,
  EVENTS,
  {
    apiVersion: "v1",
    plural: "limitranges",
    kind: "LimitRange",
    definition: "api.core.v1.LimitRange",
    shortNames: ["limits"],
    columns: [NAME, AGE],
  },
  {
    apiVersion: "v1",
    plural: "namespaces",
    kind: "Namespace",
    definition: "api.core.v1.Namespace",
    namespaced: false,
    shortNames: ["ns"],
    subresources: ["status"],
    fields: (namespace) => ({ "status.phase": textAt(namespace, "status", "phase") ?? "" }),
    columns: [NAME, column("Status", ["status", "phase"], "Active"), AGE],
    addDefaults: (draft) => {
      setDefault(draft, ["spec", "finalizers"], ["kubernetes"]);
      setDefault(draft, ["metadata", "labels", "kubernetes.io/metadata.name"], textAt(draft, "metadata", "name") ?? "");
    },
    problems: (draft) => {
      const name = textAt(draft, "metadata", "name") ?? "";
      return name.length > 63 || name.includes(".")
        ? [invalidValue("metadata.name", name, "must be no more than 63 characters and have no dots")]
        : [];
    },
  },
  NODES,
  POD_KIND,
  {
    apiVersion: "v1",
    plural: "resourcequotas",
    kind: "ResourceQuota",
    definition: "api.core.v1.ResourceQuota",
    shortNames: ["quota"],
    subresources: ["status"],
    columns: [
      NAME,
      {
        name: "Request",
        cell: (quota) =>
          Object.entries(objectAt(quota, "spec", "hard"))
            .map(([name, hard]) => `${name}: ${textAt(quota, "status", "used", name) ?? "0"}/${String(hard)}`)
            .join(", "),
      },
      AGE,
    ],
  },
  {
    apiVersion: "v1",
    plural: "secrets",
    kind: "Secret",
    definition: "api.core.v1.Secret",
    fields: (secret) => ({ type: textAt(secret, "type") ?? "" }),
    columns: [NAME, column("Type", ["type"]), { name: "Data", cell: (secret) => count(secret, "data") }, AGE],
    addDefaults: (draft) => {
      setDefault(draft, ["type"], "Opaque");
      // What is written as text is kept as all else is.
      for (const [key, text] of Object.entries(textsAt(draft, "stringData")))
        draft["data"] = { ...objectAt(draft, "data"), [key]: Buffer.from(text, "utf8").toString("base64") };
      delete draft["stringData"];
    },
    problems: (draft, before) => [...dataProblems(draft, ["data"]), ...immutable(draft, before, ["type"])],
  },
  {
    apiVersion: "v1",
    plural: "serviceaccounts",
    kind: "ServiceAccount",
    definition: "api.core.v1.ServiceAccount",
    shortNames: ["sa"],
    columns: [NAME, { name: "Secrets", cell: (account) => listAt(account, "secrets").length }, AGE],
  },
  SERVICES,
];

function frozen<T>(before: KubeObject | undefined, problems: () => T[]): T[] {
  return at(before, "immutable") === true ? problems() : [];
}
