import { LimitsFile } from "@parley/protocol";
import { expect, it } from "vitest";
import { z } from "zod";
import { PolicyFile } from "../../services/tool-worker/src/policy/policy-file.ts";
import { kustomize, problemsOf, withComponents } from "./manifests.ts";
import { readYamlFile } from "./yaml.ts";

const Mounts = z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]);
const Deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        volumes: z.array(z.object({ name: z.string(), configMap: z.object({ name: z.string() }).optional() })),
        containers: z.array(z.object({ volumeMounts: Mounts })),
      }),
    }),
  }),
});
const ConfigMap = z.object({ metadata: z.object({ name: z.string() }), data: z.record(z.string(), z.string()) });

it("the file of the component says what the shipped one says until somebody changes it", () => {
  const [own, shipped] = ["deploy/k8s/components/limits/limits.yml", "config/limits.yaml"].map((file) =>
    LimitsFile.parse(readYamlFile(file)[0]),
  );
  expect(own).toEqual(shipped);
});

it("so does that of the policy for tools", () => {
  const [own, shipped] = ["deploy/k8s/components/tool-policy/tool-policy.yml", "config/tool-policy.yaml"].map((file) =>
    PolicyFile.parse(readYamlFile(file)[0]),
  );
  expect(own).toEqual(shipped);
});

it.skipIf(kustomize() === undefined)("tool workers read the policy that is mounted, beside the limits", () => {
  const manifests = withComponents(["limits", "tool-policy"]);
  expect(manifests.flatMap(problemsOf)).toEqual([]);
  const worker = manifests.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "tool-worker");
  const { volumes, containers } = Deployment.parse(worker).spec.template.spec;
  const mounts = [
    { name: "tool-policy", mountPath: "/etc/parley-tool-policy" },
    { name: "limits", mountPath: "/etc/parley-limits" },
  ];
  expect(containers[0]?.volumeMounts).toEqual(expect.arrayContaining(mounts));
  expect(volumes).toContainEqual({ name: "tool-policy", configMap: { name: "parley-tool-policy" } });
  const maps = manifests.filter(({ kind }) => kind === "ConfigMap").map((one) => ConfigMap.parse(one));
  const settingsOf = (name: RegExp) => maps.find(({ metadata }) => name.test(metadata.name))?.data;
  expect(settingsOf(/^parley-[a-z0-9]{10}$/)).toMatchObject({ LIMITS_FILE: "/etc/parley-limits/limits.yaml" });
  expect(settingsOf(/^parley-tool-worker-/)).toMatchObject({
    TOOL_POLICY_FILE: "/etc/parley-tool-policy/tool-policy.yaml",
  });
});

it.skipIf(kustomize() === undefined)(
  "all three services read the file that is mounted, beside other components",
  () => {
    const manifests = withComponents(["issuers", "limits", "api-keys"]);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
    for (const service of ["edge", "agent-worker", "tool-worker"]) {
      const deployment = manifests.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === service);
      const { volumes, containers } = Deployment.parse(deployment).spec.template.spec;
      expect(containers[0]?.volumeMounts).toContainEqual({ name: "limits", mountPath: "/etc/parley-limits" });
      expect(volumes).toContainEqual({ name: "limits", configMap: { name: "parley-limits" } });
    }
    const maps = manifests.filter(({ kind }) => kind === "ConfigMap").map((one) => ConfigMap.parse(one));
    const file = maps.find(({ metadata }) => metadata.name === "parley-limits");
    expect(Object.keys(file?.data ?? {})).toEqual(["limits.yaml"]);
    const settings = maps.find(({ metadata }) => /^parley-[a-z0-9]{10}$/.test(metadata.name));
    expect(settings?.data).toMatchObject({ LIMITS_FILE: "/etc/parley-limits/limits.yaml", STREAM_REPLICAS: "3" });
  },
);

it.skipIf(kustomize() === undefined)(
  "agent workers read the models that are mounted, with keys from their own Secret",
  () => {
    const manifests = withComponents(["limits", "models"]);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
    const worker = manifests.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "agent-worker");
    const { volumes, containers } = Deployment.parse(worker).spec.template.spec;
    expect(containers[0]?.volumeMounts).toContainEqual({ name: "models", mountPath: "/etc/parley-models" });
    // With the hash of its content: a change replaces the workers.
    const name = volumes.find((volume) => volume.name === "models")?.configMap?.name ?? "";
    expect(name).toMatch(/^parley-models-[a-z0-9]{10}$/);
    expect(JSON.stringify(worker)).toContain('{"secretRef":{"name":"parley-models","optional":true}}');
    const maps = manifests.filter(({ kind }) => kind === "ConfigMap").map((one) => ConfigMap.parse(one));
    expect(maps.find(({ metadata }) => metadata.name === name)?.data).toHaveProperty(["models.yaml"]);
    expect(maps.some(({ data }) => data["MODELS_FILE"] === "/etc/parley-models/models.yaml")).toBe(true);
  },
);
