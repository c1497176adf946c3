import { expect, it } from "vitest";
import { z } from "zod";
import { kustomize, problemsOf, withComponents } from "./manifests.ts";

const Named = z.object({ name: z.string() });
const Pod = z.object({
  volumes: z.array(
    Named.extend({ configMap: Named.optional(), secret: z.object({ secretName: z.string() }).optional() }),
  ),
  containers: z.array(
    z.object({
      env: z.array(Named.extend({ valueFrom: z.object({ secretKeyRef: z.unknown() }).optional() })),
      volumeMounts: z.array(Named.extend({ mountPath: z.string() })),
    }),
  ),
});
const Edge = z.object({ spec: z.object({ template: z.object({ spec: Pod }) }) });
const ConfigMap = z.object({ metadata: Named, data: z.record(z.string(), z.string()) });

it.skipIf(kustomize() === undefined).each([[["issuers", "api-keys", "sign-in"]], [["sign-in", "api-keys", "issuers"]]])(
  "%o give the edges both files and the provider's secret, whatever their order",
  (names) => {
    const manifests = withComponents(names);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
    const edge = manifests.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "edge");
    const { volumes, containers } = Edge.parse(edge).spec.template.spec;
    const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts);
    expect(new Map(mounts.map(({ name, mountPath }) => [name, mountPath]))).toEqual(
      new Map([
        ["issuers", "/etc/parley"],
        ["api-keys", "/etc/parley-keys"],
      ]),
    );
    expect(volumes.find(({ name }) => name === "api-keys")?.secret).toEqual({ secretName: "parley-api-keys" });
    expect(volumes.find(({ name }) => name === "issuers")?.configMap?.name).toMatch(/^parley-issuers-/);
    const secret = containers.flatMap(({ env }) => env).find(({ name }) => name === "OIDC_CLIENT_SECRET");
    expect(secret?.valueFrom?.secretKeyRef).toEqual({ name: "parley-oidc", key: "client-secret" });
    const maps = manifests.filter(({ kind }) => kind === "ConfigMap").map((one) => ConfigMap.parse(one));
    const settings = maps.find(({ metadata }) => metadata.name.startsWith("parley-edge-"));
    expect(settings?.data).toMatchObject({
      API_KEYS_FILE: "/etc/parley-keys/api-keys.yaml",
      ISSUERS_FILE: "/etc/parley/issuers.yaml",
    });
  },
);
