import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./setup/paths.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: node scripts/cluster-openapi.mjs

  Extracts from Kubernetes' published OpenAPI documents what the simulated cluster knows of its kinds: fields, types, which are required, how
  lists are merged. Needs Go, which fetches the documents from its module proxy.`;

const VERSION = "v1.35.0";
const TARGET = path.join(root, "services/cluster-simulator/openapi/kubernetes.json.gz");
/** The kinds of the simulated cluster, by the document that defines them. */
const DOCUMENTS = {
  api__v1: [
    ...[
      "ConfigMap",
      "Endpoints",
      "Event",
      "LimitRange",
      "Namespace",
      "Node",
      "PersistentVolume",
      "PersistentVolumeClaim",
    ],
    ...["Pod", "ReplicationController", "ResourceQuota", "Secret", "Service", "ServiceAccount", "Eviction"],
  ],
  apis__apps__v1: ["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "Scale", "StatefulSet"],
  apis__batch__v1: ["CronJob", "Job"],
  apis__autoscaling__v2: ["HorizontalPodAutoscaler"],
  "apis__discovery.k8s.io__v1": ["EndpointSlice"],
  "apis__networking.k8s.io__v1": ["Ingress", "IngressClass", "NetworkPolicy"],
  apis__policy__v1: ["PodDisruptionBudget"],
  "apis__rbac.authorization.k8s.io__v1": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
  "apis__storage.k8s.io__v1": ["StorageClass"],
  "apis__apiextensions.k8s.io__v1": ["CustomResourceDefinition"],
};
const MAX_DESCRIPTION = 400;

async function moduleFolder() {
  const { findGo } = await import("../deploy/k8s/go-build.mjs");
  const go = findGo();
  if (go === undefined) throw new Error("There is no Go here: install it (https://go.dev/dl).");
  const text = execFileSync(go, ["mod", "download", "-json", `k8s.io/kubernetes@${VERSION}`], { cwd: tmpdir() });
  return JSON.parse(text).Dir;
}

/** A description up to the end of a sentence: the whole of them is four fifths of the documents. */
function shortened(text) {
  if (text.length <= MAX_DESCRIPTION) return text;
  const end = text.lastIndexOf(". ", MAX_DESCRIPTION);
  return end > 40 ? text.slice(0, end + 1) : `${text.slice(0, MAX_DESCRIPTION).trimEnd()}…`;
}

function trimmed(schema) {
  if (Array.isArray(schema)) return schema.map(trimmed);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "description" && typeof value === "string" ? shortened(value) : trimmed(value),
    ]),
  );
}

function referencesIn(schema) {
  return [...JSON.stringify(schema).matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name);
}

async function main() {
  const folder = path.join(await moduleFolder(), "api/openapi-spec/v3");
  const known = {};
  const wanted = new Set();
  for (const [document, kinds] of Object.entries(DOCUMENTS)) {
    const { schemas } = JSON.parse(readFileSync(path.join(folder, `${document}_openapi.json`), "utf8")).components;
    Object.assign(known, schemas);
    for (const kind of kinds) {
      const found = Object.keys(schemas).find((name) => name.endsWith(`.${kind}`));
      if (found === undefined) throw new Error(`${document} has no ${kind}`);
      wanted.add(found);
    }
  }
  for (const name of wanted) for (const reference of referencesIn(known[name])) wanted.add(reference);
  const schemas = Object.fromEntries(
    [...wanted].toSorted((left, right) => (left < right ? -1 : 1)).map((name) => [name, trimmed(known[name])]),
  );
  mkdirSync(path.dirname(TARGET), { recursive: true });
  writeFileSync(TARGET, gzipSync(JSON.stringify({ version: VERSION, schemas }), { level: 9 }));
  process.stdout.write(`${Object.keys(schemas).length} schemas in ${path.relative(root, TARGET)}\n`);
}

giveHelp(process.argv.slice(2), usage);
await main();
