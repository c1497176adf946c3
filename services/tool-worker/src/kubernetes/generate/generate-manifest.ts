import { stringify } from "yaml";
import { z } from "zod";
import { readArguments } from "../../tools/arguments.ts";
import { defineTool, type Tool, ToolError } from "../../tools/tool.ts";
import { Namespace, ObjectName } from "../namespace-rule.ts";
import { withSeedNames } from "../seed-names.ts";
import { manifestOf } from "./manifests.ts";
import { kindParams, paramsText, type GeneratedKind } from "./params.ts";

const kindNames = Object.keys(kindParams).filter((name): name is GeneratedKind => name in kindParams);

/** As kubectl shortens them. */
const SHORT: ReadonlyMap<string, GeneratedKind> = new Map<string, GeneratedKind>([
  ...kindNames.flatMap((kind) => [[kind.toLowerCase(), kind] as const, [`${kind.toLowerCase()}s`, kind] as const]),
  ...([
    ["deploy", "Deployment"],
    ["sts", "StatefulSet"],
    ["svc", "Service"],
    ["ing", "Ingress"],
    ["cm", "ConfigMap"],
    ["cj", "CronJob"],
    ["pvc", "PersistentVolumeClaim"],
    ["hpa", "HorizontalPodAutoscaler"],
    ["netpol", "NetworkPolicy"],
  ] as const),
]);

const input = z.strictObject({
  kind: z.preprocess(
    (value) => (typeof value === "string" ? (SHORT.get(value.toLowerCase()) ?? value) : value),
    z.enum(kindNames).describe("Kind of the object."),
  ),
  name: ObjectName.max(63).describe("Name of the object."),
  namespace: Namespace.optional().describe("Its namespace; left out of the manifest if not given."),
  params: z
    .preprocess(
      (value) => (typeof value === "string" ? (parsed(value) ?? value) : value),
      z.record(z.string(), z.unknown()),
    )
    .default({})
    .describe(`What it is to be, by kind, what is needed marked with *. ${paramsText()}.`),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Asks no cluster. */
export function generateTools(): Tool[] {
  return withSeedNames([generateManifest]);
}

const generateManifest = defineTool({
  name: "k8s_generate_manifest",
  description:
    "Writes the YAML of one object with safe settings (no root, requests and limits, probes). Nothing is applied; k8s_apply_manifest does that.",
  input,
  effect: "read",
  timeoutMs: 5_000,
  access: () => [],
  run: async (given) => write(given.kind, kindParams[given.kind], given),
});

type Given = z.output<typeof input>;

function write<Kind extends GeneratedKind>(
  kind: Kind,
  schema: (typeof kindParams)[Kind],
  { params, name, namespace }: Given,
): string {
  const read = readArguments(params, { schema, parameters: z.toJSONSchema(schema, { io: "input" }), aliases: {} });
  if ("problem" in read) throw new ToolError(`The params of a ${kind} are not valid: ${read.problem}`);
  const object = manifestOf[kind](read.input, { name, namespace });
  return [...notesOn(kind, read.input).map((note) => `# ${note}`), stringify(object, yamlOptions).trimEnd()].join("\n");
}

/** Words such as `yes` are quoted, as a reader of YAML 1.1 takes them for a switch. */
const yamlOptions = { lineWidth: 0, version: "1.1" } as const;

const SECRET_NAME = /passw|passphrase|secret|token|api_?key|credential/i;

/** What whoever applies it has to know. */
function notesOn(kind: GeneratedKind, { image, runAsRoot, ...params }: Readonly<Record<string, unknown>>): string[] {
  const hasTag = typeof image !== "string" || (/[:@][^/]+$/.test(image) && !image.endsWith(":latest"));
  const passwords = [params["env"], params["data"]]
    .flatMap((values) => Object.keys(Fields.parse(values ?? {})))
    .filter((name) => SECRET_NAME.test(name));
  return [
    ...(hasTag ? [] : ["The image has no fixed tag: another one may run after each restart."]),
    ...(image === undefined || runAsRoot === true ? [] : ["The image must not need root; if it does, say runAsRoot."]),
    ...(passwords.length === 0 ? [] : [`${passwords.join(", ")}: passwords belong into a Secret.`]),
    ...(kind === "Ingress" && !("tlsSecret" in params) ? ["Without tlsSecret it is served without HTTPS."] : []),
    ...(NOTES[kind] ?? []),
  ];
}

const NOTES: Partial<Record<GeneratedKind, readonly string[]>> = {
  StatefulSet: ["It needs a headless Service of the name in serviceName."],
  Secret: ["Put the values in yourself and apply it from there: what stands in a chat is kept."],
};

const Fields = z.record(z.string(), z.unknown());
