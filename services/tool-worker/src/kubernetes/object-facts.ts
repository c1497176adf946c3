import { listAt, pairsAt, textAt, valueAt } from "./json-path.ts";
import { Pod } from "./pod-objects.ts";
import { summarise } from "./pod-status.ts";
import { isSecretSetting } from "./redaction.ts";
import { plainForeign } from "./shape.ts";
import { toCell, toTable } from "./table.ts";
import { agoOf } from "./times.ts";

/** A name and what is said of it; what is empty is not shown. */
export type Fact = readonly [name: string, value: string | number | undefined];

const maxMessage = 300;
/** Of kinds that nobody has described here. */
const maxPlainFields = 12;

/** What matters of an object of any kind, in lines: its state, who it belongs to, its conditions. `object`: already masked. */
export function factsOf(object: unknown, now: Date): string[] {
  const kind = textAt(object, "kind") ?? "";
  const known = factsByKind.get(kind);
  const conditions = conditionTable(listAt(object, "status.conditions"), now);
  return [
    ...linesOf([...(known === undefined ? plainFacts(object) : known(object)), ...commonFacts(object, now)]),
    ...(conditions === "" ? [] : ["", "Conditions:", conditions]),
  ];
}

function linesOf(facts: readonly Fact[]): string[] {
  return facts.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}: ${plainForeign(String(value)).replaceAll(/\s+/g, " ")}`],
  );
}

function commonFacts(object: unknown, now: Date): Fact[] {
  const owner = listAt(object, "metadata.ownerReferences").find((one) => valueAt(one, "controller") === true);
  const deleted = textAt(object, "metadata.deletionTimestamp");
  return [
    ["Age", agoOf(textAt(object, "metadata.creationTimestamp"), now)],
    ["Being deleted", deleted === undefined ? undefined : `for ${agoOf(deleted, now)}`],
    ["Finalizers", deleted === undefined ? undefined : listAt(object, "metadata.finalizers").join(", ")],
    ["Controlled by", owner === undefined ? undefined : `${textAt(owner, "kind")}/${textAt(owner, "name")}`],
    // Annotations are left out: tools keep whole manifests in them, with whatever these hold.
    ["Labels", pairsAt(object, "metadata.labels")],
  ];
}

function conditionTable(conditions: readonly unknown[], now: Date): string {
  if (conditions.length === 0) return "";
  const rows = conditions.map((one) => [
    toCell(textAt(one, "type")),
    toCell(textAt(one, "status")),
    toCell(textAt(one, "reason")),
    agoOf(textAt(one, "lastTransitionTime") ?? textAt(one, "lastUpdateTime"), now),
    toMessage(textAt(one, "message")),
  ]);
  return toTable(["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"], rows);
}

export function toMessage(message: string | undefined): string {
  return toCell(plainForeign(message ?? "").slice(0, maxMessage));
}

/** A count that the server leaves out is 0. */
function countsOf(object: unknown, counts: readonly (readonly [path: string, what: string])[]): string {
  return counts.map(([path, what]) => `${textAt(object, path) ?? "0"} ${what}`).join(", ");
}

function replicasOf(object: unknown, more: readonly (readonly [path: string, what: string])[]): Fact {
  const wanted = textAt(object, "spec.replicas") ?? "1";
  return ["Replicas", `${wanted} wanted, ${countsOf(object, [["status.replicas", "there"], ...more])}`];
}

function selectorOf(object: unknown): Fact {
  return ["Selector", pairsAt(object, "spec.selector.matchLabels")];
}

const ready = ["status.readyReplicas", "ready"] as const;

const factsByKind: ReadonlyMap<string, (object: unknown) => readonly Fact[]> = new Map([
  ["Pod", podFacts],
  [
    "Deployment",
    (object) => [
      replicasOf(object, [["status.updatedReplicas", "up to date"], ready, ["status.availableReplicas", "available"]]),
      ["Strategy", textAt(object, "spec.strategy.type")],
      ["Paused", valueAt(object, "spec.paused") === true ? "yes" : undefined],
      selectorOf(object),
    ],
  ],
  ["ReplicaSet", (object) => [replicasOf(object, [ready]), selectorOf(object)]],
  [
    "StatefulSet",
    (object) => [replicasOf(object, [ready]), ["Service", textAt(object, "spec.serviceName")], selectorOf(object)],
  ],
  [
    "DaemonSet",
    (object) => [
      [
        "Pods",
        countsOf(object, [
          ["status.desiredNumberScheduled", "wanted"],
          ["status.currentNumberScheduled", "there"],
          ["status.numberReady", "ready"],
        ]),
      ],
      selectorOf(object),
    ],
  ],
  [
    "Job",
    (object) => [
      [
        "Pods",
        countsOf(object, [
          ["status.active", "active"],
          ["status.succeeded", "succeeded"],
          ["status.failed", "failed"],
        ]),
      ],
      ["Completions", textAt(object, "spec.completions")],
    ],
  ],
  [
    "CronJob",
    (object) => [
      ["Schedule", textAt(object, "spec.schedule")],
      ["Suspended", valueAt(object, "spec.suspend") === true ? "yes" : "no"],
      ["Active jobs", listAt(object, "status.active").length],
      ["Last scheduled", textAt(object, "status.lastScheduleTime")],
    ],
  ],
  ["Service", serviceFacts],
  ["Ingress", ingressFacts],
  ["Secret", (object) => [["Type", textAt(object, "type")], keysOf(object, "data")]],
  ["ConfigMap", (object) => [keysOf(object, "data"), keysOf(object, "binaryData")]],
  ["Node", nodeFacts],
  ["Namespace", (object) => [["Status", textAt(object, "status.phase")]]],
  [
    "PersistentVolumeClaim",
    (object) => [
      ["Status", textAt(object, "status.phase")],
      ["Volume", textAt(object, "spec.volumeName")],
      ["Wanted", pairsAt(object, "spec.resources.requests")],
      ["Capacity", pairsAt(object, "status.capacity")],
      ["Access modes", listAt(object, "spec.accessModes").join(", ")],
      ["Storage class", textAt(object, "spec.storageClassName")],
    ],
  ],
  [
    "HorizontalPodAutoscaler",
    (object) => [
      ["Scales", `${textAt(object, "spec.scaleTargetRef.kind")}/${textAt(object, "spec.scaleTargetRef.name")}`],
      [
        "Replicas",
        `${textAt(object, "spec.minReplicas") ?? "1"} to ${textAt(object, "spec.maxReplicas")}, ` +
          countsOf(object, [
            ["status.currentReplicas", "there"],
            ["status.desiredReplicas", "wanted"],
          ]),
      ],
    ],
  ],
]);

function podFacts(object: unknown): Fact[] {
  const pod = Pod.safeParse(object).data;
  const row = pod && summarise(pod);
  return [
    ["Status", row?.status ?? textAt(object, "status.phase")],
    ["Ready", row && `${row.ready} of ${row.containers} containers`],
    ["Restarts", row?.restarts],
    ["Node", textAt(object, "spec.nodeName") ?? "not on a node"],
    ["IP", textAt(object, "status.podIP")],
    ["QoS class", textAt(object, "status.qosClass")],
    ["Service account", textAt(object, "spec.serviceAccountName")],
    ["Message", textAt(object, "status.message")],
  ];
}

function serviceFacts(object: unknown): Fact[] {
  const ports = listAt(object, "spec.ports").map((port) => {
    const number = textAt(port, "port") ?? "?";
    return `${number} to ${textAt(port, "targetPort") ?? number}/${textAt(port, "protocol") ?? "TCP"}`;
  });
  return [
    ["Type", textAt(object, "spec.type")],
    ["Cluster IP", textAt(object, "spec.clusterIP")],
    ["External name", textAt(object, "spec.externalName")],
    ["Ports", ports.join(", ")],
    ["Selector", pairsAt(object, "spec.selector")],
  ];
}

function ingressFacts(object: unknown): Fact[] {
  const rules = listAt(object, "spec.rules").flatMap((rule) =>
    listAt(rule, "http.paths").map((path) => {
      const service = textAt(path, "backend.service.name") ?? "?";
      const port = textAt(path, "backend.service.port.number") ?? textAt(path, "backend.service.port.name") ?? "?";
      return `${textAt(rule, "host") ?? "*"}${textAt(path, "path") ?? ""} to ${service}:${port}`;
    }),
  );
  return [
    ["Class", textAt(object, "spec.ingressClassName")],
    ["Rules", rules.join("; ")],
    [
      "TLS",
      listAt(object, "spec.tls")
        .map((one) => textAt(one, "secretName"))
        .join(", "),
    ],
  ];
}

function nodeFacts(object: unknown): Fact[] {
  const taints = listAt(object, "spec.taints").map((taint) => {
    const value = textAt(taint, "value");
    return `${textAt(taint, "key")}${value === undefined ? "" : `=${value}`}:${textAt(taint, "effect")}`;
  });
  return [
    ["Kubelet", textAt(object, "status.nodeInfo.kubeletVersion")],
    ["Unschedulable", valueAt(object, "spec.unschedulable") === true ? "yes" : "no"],
    ["Taints", taints.join(", ")],
    ["Capacity", pairsAt(object, "status.capacity")],
    ["Allocatable", pairsAt(object, "status.allocatable")],
  ];
}

/** People keep passwords in ConfigMaps too, so a summary has the keys only. */
function keysOf(object: unknown, field: string): Fact {
  const values = valueAt(object, field);
  const keys = typeof values === "object" && values !== null ? Object.keys(values) : [];
  return [`Keys of ${field} (values are not shown)`, keys.join(", ")];
}

/** Of a kind that is not known here: what its spec and its status say in one word. */
function plainFacts(object: unknown): Fact[] {
  return ["spec", "status"].flatMap((part) => {
    const fields = valueAt(object, part);
    if (typeof fields !== "object" || fields === null) return [];
    const names = Object.keys(fields).filter((name) => textAt(fields, name) !== undefined && !isSecretSetting(name));
    return names.slice(0, maxPlainFields).map((name): Fact => [`${part}.${name}`, textAt(fields, name)]);
  });
}
