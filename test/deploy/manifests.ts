import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as gateway from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as batch from "kubernetes-models/batch/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as rbac from "kubernetes-models/rbac.authorization.k8s.io/v1";
import * as core from "kubernetes-models/v1";
import { z } from "zod";
import { unknownFields } from "./kubernetes-fields.ts";
import { readYaml, readYamlFile, root } from "./yaml.ts";

export const Manifest = z
  .object({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z
      .object({
        name: z.string(),
        namespace: z.string().optional(),
        labels: z.record(z.string(), z.string()).optional(),
      })
      .loose(),
  })
  .loose();
export type Manifest = z.infer<typeof Manifest>;

const folder = path.join(root, "deploy/k8s");

/** The manifests of one file each, as they are written. */
export function manifestFiles(): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".yaml") && !file.endsWith("kustomization.yaml") && !file.startsWith("charts"))
    .map((file) => path.join("deploy/k8s", file));
}

export const manifestsIn = (file: string): Manifest[] => readYamlFile(file).map((document) => Manifest.parse(document));

/** How kustomize can be run here, if it can. */
export function kustomize(): readonly [string, ...string[]] | undefined {
  const own = path.join(root, ".tools/kustomize");
  if (existsSync(own)) return [own, "build"];
  const tries = [
    ["kustomize", "build"],
    ["kubectl", "kustomize"],
  ] as const;
  return tries.find(([command, verb]) => spawnSync(command, [verb, "--help"], { stdio: "ignore" }).status === 0);
}

/** Production with components, as an overlay of somebody's own. */
export function withComponents(names: readonly string[]): Manifest[] {
  const own = mkdtempSync(path.join(tmpdir(), "overlay-"));
  const relative = (...to: readonly string[]): string => path.relative(own, path.join(folder, ...to));
  try {
    const components = names.map((name) => relative("components", name));
    const overlay = { resources: [relative("overlays/prod")], components };
    writeFileSync(path.join(own, "kustomization.yaml"), JSON.stringify(overlay));
    return rendered(path.relative(path.join(folder, "overlays"), own));
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** What an overlay comes to. */
export function rendered(overlay: string): Manifest[] {
  const [command, ...args] = kustomize() ?? [];
  if (command === undefined) throw new Error("there is no kustomize here");
  const { status, stdout, stderr } = spawnSync(command, [...args, path.join("deploy/k8s/overlays", overlay)], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return readYaml(stdout).map((document) => Manifest.parse(document));
}

const Model = z.custom<new (data: unknown) => { validate(): void }>((value) => typeof value === "function");
type Schemas = { folder: string; kinds: Readonly<Record<string, unknown>> };

/** Which package has the schemas of an API, and in which folder. */
const schemas = new Map<string, Schemas>([
  ["v1", { folder: "kubernetes-models/v1", kinds: core }],
  ["apps/v1", { folder: "kubernetes-models/apps/v1", kinds: apps }],
  ["batch/v1", { folder: "kubernetes-models/batch/v1", kinds: batch }],
  ["autoscaling/v2", { folder: "kubernetes-models/autoscaling/v2", kinds: autoscaling }],
  ["networking.k8s.io/v1", { folder: "kubernetes-models/networking.k8s.io/v1", kinds: networking }],
  ["policy/v1", { folder: "kubernetes-models/policy/v1", kinds: policy }],
  ["rbac.authorization.k8s.io/v1", { folder: "kubernetes-models/rbac.authorization.k8s.io/v1", kinds: rbac }],
  ["keda.sh/v1alpha1", { folder: "@kubernetes-models/keda/keda.sh/v1alpha1", kinds: keda }],
  [
    "gateway.networking.k8s.io/v1",
    { folder: "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1", kinds: gateway },
  ],
]);

/** What is wrong with a manifest by the schemas of Kubernetes, the Gateway API or KEDA. */
export function problemsOf(manifest: Manifest): string[] {
  const { apiVersion, kind, metadata } = manifest;
  const api = schemas.get(apiVersion);
  if (api === undefined) return [`${kind} ${metadata.name}: no schema for ${apiVersion}`];
  const unknown = unknownFields(manifest, path.join(root, "node_modules", api.folder, kind));
  const problems = unknown.map((field) => `${kind} ${metadata.name} has a field that is not known: ${field}`);
  try {
    new (Model.parse(api.kinds[kind]))(manifest).validate();
  } catch (error) {
    problems.push(`${kind} ${metadata.name}: ${error instanceof Error ? error.message : "is not valid"}`);
  }
  return problems;
}
