import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { Config as AgentWorker } from "../../services/agent-worker/src/config.ts";
import { Config as Edge } from "../../services/edge/src/config.ts";
import { Config as ToolWorker } from "../../services/tool-worker/src/config.ts";
import { kustomize, problemsOf, withComponents, type Manifest } from "./manifests.ts";
import { root } from "./yaml.ts";

const schemas = { edge: Edge, "agent-worker": AgentWorker, "tool-worker": ToolWorker } as const;
/** What production has anyway, what is for development alone, and what needs another. */
const others = new Set(["autoscaling", "gateway", "nats-for-development", "model-simulator", "sign-in"]);
const optIn = readdirSync(path.join(root, "deploy/k8s/components")).filter((name) => !others.has(name));

const Named = z.object({ name: z.string() });
const Container = z.object({
  env: z.array(Named.extend({ valueFrom: z.object({ secretKeyRef: Named }).partial().optional() })),
  envFrom: z.array(z.object({ configMapRef: Named.optional() })),
});
const Service = z.object({
  spec: z.object({ template: z.object({ spec: z.object({ containers: z.tuple([Container]) }) }) }),
});
const ConfigMap = z.object({ metadata: Named, data: z.record(z.string(), z.string()) });

const named = (manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name);

function containerOf(manifests: readonly Manifest[], service: string): z.infer<typeof Container> {
  return Service.parse(named(manifests, "Deployment", service)).spec.template.spec.containers[0];
}

/** The names of all variables of a service's pods. */
function variablesOf(manifests: readonly Manifest[], service: string): string[] {
  const { env, envFrom } = containerOf(manifests, service);
  const maps = envFrom.flatMap(({ configMapRef }) => (configMapRef === undefined ? [] : [configMapRef.name]));
  const settings = maps.flatMap((name) => Object.keys(ConfigMap.parse(named(manifests, "ConfigMap", name)).data));
  return [...env.map(({ name }) => name), ...settings];
}

it.skipIf(kustomize() === undefined).each([...optIn.map((name) => [name]), optIn])(
  "%s: all that it makes is valid, and each service knows what it is given",
  (...names) => {
    const manifests = withComponents(names);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
    const plain = withComponents([]);
    for (const [service, { shape }] of Object.entries(schemas)) {
      const before = new Set(variablesOf(plain, service));
      const added = variablesOf(manifests, service).filter((name) => !before.has(name) && !(name in { ...shape }));
      // Keys of models have the names that the file of models gives them.
      expect(
        added.filter((name) => !name.endsWith("_API_KEY")),
        service,
      ).toEqual([]);
    }
  },
);

it.skipIf(kustomize() === undefined)("gives whoever signs notices the private key, and nobody else", () => {
  const manifests = withComponents(["web-push"]);
  const secrets = (service: string): (string | undefined)[] =>
    containerOf(manifests, service)
      .env.filter(({ name }) => name.startsWith("VAPID"))
      .map(({ name }) => name);
  expect(secrets("tool-worker")).toEqual(["VAPID_PRIVATE_KEY"]);
  expect(secrets("edge")).toEqual(["VAPID_PUBLIC_KEY"]);
  expect(secrets("agent-worker")).toEqual([]);
});
