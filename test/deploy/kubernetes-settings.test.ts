import { readConfig, type Environment } from "@parley/runtime";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { Config as AgentWorker } from "../../services/agent-worker/src/config.ts";
import { Config as Edge } from "../../services/edge/src/config.ts";
import { Config as ToolWorker } from "../../services/tool-worker/src/config.ts";
import { literalsOf, workloads, type Workload } from "./kubernetes-objects.ts";
import { root } from "./yaml.ts";

const schemas = { edge: Edge, "agent-worker": AgentWorker, "tool-worker": ToolWorker } as const;
type Name = keyof typeof schemas;
const names = ["edge", "agent-worker", "tool-worker"] as const;
const overlays = ["base", "overlays/dev", "overlays/prod"] as const;
const dockerfile = readFileSync(path.join(root, "deploy/docker/Dockerfile"), "utf8");

function containerOf(name: Name): Workload["spec"]["template"]["spec"]["containers"][number] {
  const workload = workloads.find(({ metadata }) => metadata.name === name);
  const [container] = workload?.spec.template.spec.containers ?? [];
  if (container === undefined) throw new Error(`there is no ${name}`);
  return container;
}

/** What the image sets. */
function imageEnvironment(name: Name): Environment {
  const lines = [
    /^ENV (NODE_ENV=.*)$/m.exec(dockerfile)?.[1],
    new RegExp(`AS service-${name}\nENV (.*)$`, "m").exec(dockerfile)?.[1],
  ];
  return Object.fromEntries(
    lines.flatMap((line) => (line ?? "").split(" ").map((one) => one.split("=", 2) as [string, string])),
  );
}

/** All that a pod of the overlay has in its environment; secrets stand for themselves. */
function environmentOf(name: Name, overlay: (typeof overlays)[number]): Record<string, string> {
  const { env, envFrom } = containerOf(name);
  const files = overlay === "base" ? ["base"] : ["base", overlay];
  const literals = files.map((folder) => literalsOf(`deploy/k8s/${folder}/kustomization.yaml`));
  const fromMaps = envFrom.flatMap(({ configMapRef }) => literals.map((maps) => maps.get(configMapRef.name) ?? {}));
  const own = env.map((one) => [one.name, one.value ?? "a-secret-of-more-than-thirty-two-bytes-1"]);
  return { ...Object.assign({}, ...fromMaps), ...Object.fromEntries(own) };
}

it.each(names)("%s knows each variable that its pods are given", (name) => {
  for (const overlay of overlays) {
    const values = JSON.stringify(containerOf(name).env);
    const given = Object.keys(environmentOf(name, overlay)).filter((key) => !values.includes(`$(${key})`));
    expect(Object.keys(schemas[name].shape)).toEqual(expect.arrayContaining(given));
  }
});

it.each(names)("%s starts with what its image and its pods give it", (name) => {
  for (const overlay of overlays) {
    const environment = { ...imageEnvironment(name), ...environmentOf(name, overlay) };
    expect(() => readConfig(schemas[name], environment)).not.toThrow();
  }
});

it.each(names)("%s listens on the ports that are named, and may take as long to stop as it is told", (name) => {
  const { ports, lifecycle } = containerOf(name);
  const image = imageEnvironment(name);
  for (const port of ports) {
    expect(String(port.containerPort)).toBe(port.name === "admin" ? image["ADMIN_PORT"] : image["PORT"]);
  }
  const grace =
    workloads.find(({ metadata }) => metadata.name === name)?.spec.template.spec.terminationGracePeriodSeconds ?? 0;
  const shutdownMs = Number(environmentOf(name, "base")["SHUTDOWN_MS"]);
  expect(grace * 1000).toBeGreaterThan((lifecycle?.preStop.sleep.seconds ?? 0) * 1000 + shutdownMs + 5_000);
});

it("every edge in production demands a secret that cannot be guessed", () => {
  const environment = {
    ...imageEnvironment("edge"),
    ...environmentOf("edge", "overlays/prod"),
    AUTH_JWT_SECRET: "secret",
  };
  expect(() => readConfig(Edge, environment)).toThrow(/AUTH_JWT_SECRET/);
});
