import { at, isObject, type Json, listAt, textAt } from "../json.ts";
import { annotationsOf, type KubeObject, namespaceOf } from "../kube-object.ts";
import type { World } from "./world.ts";

/** How the containers of a pod fare once they have a node. All containers of a pod do the same. */
export type Behaviour =
  | "serving"
  | "unready"
  | "crashing"
  | "oom"
  | "image-missing"
  | "config-missing"
  | "completing"
  | "failing";

/** On a pod or its template: makes its containers do so, whatever their image. */
const BEHAVIOUR_ANNOTATION = "simulated.parley.dev/behaviour";

const BY_NAME: Readonly<Record<string, Behaviour>> = {
  serving: "serving",
  unready: "unready",
  crashing: "crashing",
  oom: "oom",
  "image-missing": "image-missing",
  completing: "completing",
  failing: "failing",
};

/** Parts of an image's tag, so that a test or a person can ask for trouble with nothing but an image. */
const BY_TAG: readonly (readonly [RegExp, Behaviour])[] = [
  [/nosuch|missing|does-not-exist/, "image-missing"],
  [/oom/, "oom"],
  [/crash|broken/, "crashing"],
  [/unready/, "unready"],
  [/fail/, "failing"],
];

const CRASHES_WITHOUT: readonly { image: RegExp; variable: string }[] = [
  { image: /\/checkout:/, variable: "PAYMENT_GATEWAY_URL" },
];

export function behaviourOf(pod: KubeObject, world: World): Behaviour {
  const asked = BY_NAME[annotationsOf(pod)[BEHAVIOUR_ANNOTATION] ?? ""];
  if (asked !== undefined) return asked;
  if (missingReference(pod, world) !== undefined) return "config-missing";
  for (const container of listAt(pod, "spec", "containers")) {
    const own = behaviourOfContainer(container);
    if (own !== undefined) return own;
  }
  return textAt(pod, "spec", "restartPolicy") === "Always" ? "serving" : "completing";
}

function behaviourOfContainer(container: Json): Behaviour | undefined {
  const image = textAt(container, "image") ?? "";
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? "";
  const byTag = BY_TAG.find(([pattern]) => pattern.test(tag))?.[1];
  if (byTag !== undefined) return byTag;
  const needs = CRASHES_WITHOUT.find((rule) => rule.image.test(image));
  return needs !== undefined && !hasVariable(container, needs.variable) ? "crashing" : undefined;
}

function hasVariable(container: Json, name: string): boolean {
  return listAt(container, "env").some((variable) => textAt(variable, "name") === name);
}

/** What a container needs of a Secret or ConfigMap that is not there, in the words of the kubelet. */
export function missingReference(pod: KubeObject, world: World): string | undefined {
  for (const container of listAt(pod, "spec", "containers")) {
    const references = [
      ...listAt(container, "env").map((variable) => at(variable, "valueFrom")),
      ...listAt(container, "envFrom"),
    ];
    for (const reference of references) {
      const missing = missingIn(reference, pod, world);
      if (missing !== undefined) return missing;
    }
  }
  return undefined;
}

function missingIn(reference: Json | undefined, pod: KubeObject, world: World): string | undefined {
  const sources = [
    { kind: "Secret", of: at(reference, "secretKeyRef") ?? at(reference, "secretRef") },
    { kind: "ConfigMap", of: at(reference, "configMapKeyRef") ?? at(reference, "configMapRef") },
  ];
  for (const { kind, of } of sources) {
    const name = textAt(of, "name");
    if (!isObject(of) || name === undefined || of["optional"] === true) continue;
    const found = world.get(kind, namespaceOf(pod), name);
    if (found === undefined) return `${kind.toLowerCase()} "${name}" not found`;
    const key = textAt(of, "key");
    if (key !== undefined && at(found, "data", key) === undefined)
      return `couldn't find key ${key} in ${kind} ${namespaceOf(pod) ?? ""}/${name}`;
  }
  return undefined;
}
