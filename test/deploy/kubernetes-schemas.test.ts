import { describe, expect, it } from "vitest";
import { kustomize, Manifest, manifestFiles, manifestsIn, problemsOf, rendered } from "./manifests.ts";

const problemsIn = (manifests: readonly Manifest[]): string[] => manifests.flatMap(problemsOf);

it.each(manifestFiles())("%s is what the schemas of Kubernetes, Gateway API and KEDA allow", (file) => {
  expect(problemsIn(manifestsIn(file))).toEqual([]);
});

it.skipIf(kustomize() === undefined).each(["dev", "tilt", "prod"])("overlay %s is valid when rendered", (overlay) => {
  const manifests = rendered(overlay);
  expect(manifests.length).toBeGreaterThan(20);
  expect(problemsIn(manifests)).toEqual([]);
  const cluster = ["Namespace", "ClusterRole", "ClusterRoleBinding"];
  const elsewhere = manifests.filter(
    ({ kind, metadata }) => metadata.namespace !== "parley" && !cluster.includes(kind),
  );
  expect(elsewhere).toEqual([]);
});

describe("the check itself", () => {
  const policy = (spec: unknown): Manifest =>
    Manifest.parse({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "x" }, spec });

  it("finds a field that does not exist, however deep", () => {
    const found = problemsOf(policy({ podSelector: {}, ingress: [{ ports: [{ prot: 1 }] }] }));
    expect(found).toEqual([expect.stringContaining(".spec.ingress[0].ports[0].prot")]);
  });

  it("finds a value of the wrong type", () => {
    expect(problemsOf(policy({ podSelector: {}, policyTypes: "Ingress" }))).not.toEqual([]);
  });
});
