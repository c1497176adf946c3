import type { Cause } from "../api-status.ts";
import { isObject, type Json, type JsonObject, listAt, numberAt, objectAt, setDefault, textAt } from "../json.ts";
import { invalidValue, required, unsupported } from "./name-problems.ts";

const QUANTITY = /^[+-]?(\d+(\.\d*)?|\.\d+)(m|[kMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];

/** What an API server puts into a pod's spec where a client leaves it out. */
export function addPodDefaults(spec: JsonObject): void {
  setDefault(spec, ["restartPolicy"], "Always");
  setDefault(spec, ["terminationGracePeriodSeconds"], 30);
  setDefault(spec, ["dnsPolicy"], "ClusterFirst");
  setDefault(spec, ["securityContext"], {});
  setDefault(spec, ["schedulerName"], "default-scheduler");
  for (const container of [...listAt(spec, "initContainers"), ...listAt(spec, "containers")]) {
    if (isObject(container)) addContainerDefaults(container);
  }
  for (const volume of listAt(spec, "volumes")) {
    for (const source of ["configMap", "secret", "projected", "downwardAPI"])
      if (isObject(volume) && isObject(volume[source])) setDefault(volume, [source, "defaultMode"], 420);
  }
}

function addContainerDefaults(container: JsonObject): void {
  setDefault(container, ["resources"], {});
  setDefault(container, ["terminationMessagePath"], "/dev/termination-log");
  setDefault(container, ["terminationMessagePolicy"], "File");
  setDefault(container, ["imagePullPolicy"], isLatest(textAt(container, "image") ?? "") ? "Always" : "IfNotPresent");
  for (const port of listAt(container, "ports")) if (isObject(port)) setDefault(port, ["protocol"], "TCP");
  for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const probe = container[kind];
    if (isObject(probe)) addProbeDefaults(probe);
  }
  const limits = objectAt(container, "resources", "limits");
  for (const [name, limit] of Object.entries(limits)) setDefault(container, ["resources", "requests", name], limit);
}

function addProbeDefaults(probe: JsonObject): void {
  setDefault(probe, ["timeoutSeconds"], 1);
  setDefault(probe, ["periodSeconds"], 10);
  setDefault(probe, ["successThreshold"], 1);
  setDefault(probe, ["failureThreshold"], 3);
  if (isObject(probe["httpGet"])) setDefault(probe, ["httpGet", "scheme"], "HTTP");
}

function isLatest(image: string): boolean {
  const [, tag = "latest"] = /:([^:/@]+)$/.exec(image) ?? [];
  return tag === "latest" && !image.includes("@");
}

/** What an API server refuses in a pod's spec. `allowed`: the restart policies that the kind of owner can have. */
export function podProblems(spec: Json | undefined, at: string, allowed: readonly string[]): Cause[] {
  const containers = listAt(spec, "containers");
  const policy = textAt(spec, "restartPolicy") ?? "";
  return [
    ...(containers.length === 0 ? [required(`${at}.containers`)] : []),
    ...listAt(spec, "initContainers").flatMap((entry, index) =>
      containerProblems(entry, `${at}.initContainers[${index}]`),
    ),
    ...containers.flatMap((container, index) => containerProblems(container, `${at}.containers[${index}]`)),
    ...duplicateNames(containers, at),
    ...(allowed.includes(policy) ? [] : [unsupported(`${at}.restartPolicy`, policy, allowed)]),
    ...volumeProblems(spec, at),
  ];
}

function containerProblems(container: Json, at: string): Cause[] {
  const name = textAt(container, "name");
  const policy = textAt(container, "imagePullPolicy") ?? "";
  return [
    ...(name === undefined || name === "" ? [required(`${at}.name`)] : []),
    ...(name === undefined || /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)
      ? []
      : [
          invalidValue(
            `${at}.name`,
            name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          ),
        ]),
    ...((textAt(container, "image") ?? "") === "" ? [required(`${at}.image`)] : []),
    ...(PULL_POLICIES.includes(policy) ? [] : [unsupported(`${at}.imagePullPolicy`, policy, PULL_POLICIES)]),
    ...resourceProblems(container, at),
    ...listAt(container, "ports").flatMap((port, index) => portProblems(port, `${at}.ports[${index}].containerPort`)),
  ];
}

function portProblems(port: Json, at: string): Cause[] {
  const number = numberAt(port, "containerPort") ?? 0;
  return number >= 1 && number <= 65_535 ? [] : [invalidValue(at, number, "must be between 1 and 65535, inclusive")];
}

function resourceProblems(container: Json, at: string): Cause[] {
  const [requests, limits] = [objectAt(container, "resources", "requests"), objectAt(container, "resources", "limits")];
  return Object.entries(requests).flatMap(([name, request]) => {
    const limit = limits[name];
    if (limit === undefined || quantityOf(request) <= quantityOf(limit)) return [];
    return [
      invalidValue(
        `${at}.resources.requests`,
        request,
        `must be less than or equal to ${name} limit of ${String(limit)}`,
      ),
    ];
  });
}

function duplicateNames(containers: readonly Json[], at: string): Cause[] {
  const names = containers.map((container) => textAt(container, "name"));
  return names.flatMap((name, index) =>
    names.indexOf(name) === index || name === undefined
      ? []
      : [
          {
            reason: "FieldValueDuplicate",
            message: `Duplicate value: ${JSON.stringify(name)}`,
            field: `${at}.containers[${index}].name`,
          },
        ],
  );
}

function volumeProblems(spec: Json | undefined, at: string): Cause[] {
  const volumes = new Set(listAt(spec, "volumes").map((volume) => textAt(volume, "name")));
  return listAt(spec, "containers").flatMap((container, index) =>
    listAt(container, "volumeMounts").flatMap((mount, place) =>
      volumes.has(textAt(mount, "name")) || textAt(mount, "name")?.startsWith("kube-api-access-") === true
        ? []
        : [
            {
              reason: "FieldValueNotFound",
              message: `Not found: ${JSON.stringify(textAt(mount, "name") ?? "")}`,
              field: `${at}.containers[${index}].volumeMounts[${place}].name`,
            },
          ],
    ),
  );
}

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a quantity such as `250m` or `2Gi` stands for; NaN for what is none. */
export function quantityOf(value: Json | undefined): number {
  const text = String(value ?? "0");
  const [, number = "", , unit = ""] = QUANTITY.exec(text) ?? [];
  if (number === "") return Number.NaN;
  const factor = unit === "" ? 1 : (FACTORS[unit] ?? Number(`1${unit}`));
  return Number(number) * factor * (text.startsWith("-") ? -1 : 1);
}
