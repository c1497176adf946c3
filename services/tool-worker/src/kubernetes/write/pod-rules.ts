import { ToolError } from "../../tools/tool.ts";
import { fieldsOf, isFields, listAt, textAt, valueAt } from "./object-fields.ts";

/** What pods may not be given from a chat, whoever agrees. */
export interface PodRules {
  /** Beginnings of images, such as `registry.example/shop`; undefined: any image. */
  readonly registries: readonly string[] | undefined;
}

/** Throws a ToolError if a change would give pods a way to their node, or an image from elsewhere. What is there already is left alone. */
export function checkPods(what: string, { before, after }: { before: unknown; after: unknown }, rules: PodRules): void {
  const had = new Set(before === undefined ? [] : privilegesOf(before));
  const won = privilegesOf(after).filter((one) => !had.has(one));
  if (won.length > 0)
    throw new ToolError(
      `Refused: it would give ${what} ${won.join(", ")}. That opens the node, so it is not done from a chat.`,
    );
  const images = new Set(before === undefined ? [] : imagesOf(before));
  for (const image of imagesOf(after)) if (!images.has(image)) checkImage(image, rules);
}

/** Fields of a pod that give it the node, or other pods of it, when they are true. */
const POD_SWITCHES = ["hostNetwork", "hostPID", "hostIPC"] as const;

/** Capabilities that come down to being root on the node, or to reading what others send. */
const CAPABILITIES = /^(?:CAP_)?(?:ALL|SYS_ADMIN|SYS_MODULE|SYS_PTRACE|SYS_RAWIO|BPF|NET_ADMIN|DAC_READ_SEARCH)$/i;

const CONTAINERS = ["initContainers", "containers", "ephemeralContainers"] as const;

/** Wherever a kind keeps its pods: custom kinds have templates too. */
function podsOf(object: unknown): readonly unknown[] {
  const kind = textAt(object, ["kind"]);
  if (kind === "Pod") return [fieldsOf(object, "spec")];
  const paths = [
    ["spec", "template", "spec"],
    ["spec", "jobTemplate", "spec", "template", "spec"],
    ["template", "spec"],
  ];
  return paths.map((path) => fieldsOf(object, ...path));
}

/** What an object would let its pods do beyond their own container, as the end of a sentence: no namespace holds somebody who has the node. */
function privilegesOf(object: unknown): readonly string[] {
  return [...volumePaths(object), ...podsOf(object).flatMap(podPrivileges)];
}

/** A PersistentVolume is a way to its node as well. */
function volumePaths(object: unknown): readonly string[] {
  if (textAt(object, ["kind"]) !== "PersistentVolume") return [];
  return ["hostPath", "local"].flatMap((name) => {
    const path = textAt(object, ["spec", name, "path"]);
    return path === undefined ? [] : [`the node's path ${path}`];
  });
}

function podPrivileges(pod: unknown): readonly string[] {
  return [
    ...POD_SWITCHES.filter((name) => valueAt(pod, [name]) === true),
    ...listAt(pod, ["volumes"]).flatMap((volume) =>
      valueAt(volume, ["hostPath"]) === undefined
        ? []
        : [`the hostPath ${textAt(volume, ["hostPath", "path"]) ?? "?"}`],
    ),
    ...CONTAINERS.flatMap((list) => listAt(pod, [list]).flatMap(containerPrivileges)),
  ];
}

function containerPrivileges(container: unknown): readonly string[] {
  const name = textAt(container, ["name"]) ?? "";
  const context = fieldsOf(container, "securityContext");
  const added = listAt(context, ["capabilities", "add"]).filter(
    (one) => typeof one === "string" && CAPABILITIES.test(one),
  );
  const hasHostPort = listAt(container, ["ports"]).some((port) => isFields(port) && Number(port["hostPort"] ?? 0) > 0);
  return [
    ...(context["privileged"] === true ? [`the privileged container ${name}`] : []),
    ...(context["procMount"] === "Unmasked" ? [`procMount Unmasked in container ${name}`] : []),
    ...added.map((one) => `the capability ${String(one)} in container ${name}`),
    ...(hasHostPort ? [`a hostPort of container ${name}`] : []),
  ];
}

function imagesOf(object: unknown): readonly string[] {
  return podsOf(object).flatMap((pod) =>
    CONTAINERS.flatMap((list) => listAt(pod, [list]).flatMap((container) => textAt(container, ["image"]) ?? [])),
  );
}

/** `registry.example/shop` allows what is below it; an image without a registry is one of Docker Hub. */
function checkImage(image: string, { registries }: PodRules): void {
  const [first = ""] = image.split("/");
  const hasRegistry = image.includes("/") && (/[.:]/.test(first) || first === "localhost");
  const whole = hasRegistry ? image : `docker.io/${image.includes("/") ? "" : "library/"}${image}`;
  const allows = (registry: string): boolean =>
    ["/", ":", "@"].some((end) => whole.startsWith(`${registry.replace(/\/+$/, "")}${end}`));
  if (registries === undefined || registries.some(allows)) return;
  throw new ToolError(`The image ${whole.slice(0, 255)} may not be used here; these may: ${registries.join(", ")}.`);
}
