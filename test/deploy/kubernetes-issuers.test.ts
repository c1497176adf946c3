import { expect, it } from "vitest";
import { z } from "zod";
import { IssuersFile } from "../../services/edge/src/admission/issuers-file.ts";
import { kustomize, problemsOf, withComponents } from "./manifests.ts";
import { readYamlFile } from "./yaml.ts";

const component = "deploy/k8s/components/issuers";
const Named = z.object({ name: z.string() });
const Edge = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        volumes: z.array(Named.extend({ configMap: Named })),
        containers: z.array(z.object({ volumeMounts: z.array(Named.extend({ mountPath: z.string() })) })),
      }),
    }),
  }),
});
const ConfigMap = z.object({ metadata: Named, data: z.record(z.string(), z.string()) });

it("its file of issuers is one that an edge takes", () => {
  expect(IssuersFile.parse(readYamlFile(`${component}/issuers.yml`)[0]).issuers).toEqual([]);
});

it.skipIf(kustomize() === undefined)("gives edges the file where they are told to look for it", () => {
  const manifests = withComponents(["issuers"]);
  expect(manifests.flatMap(problemsOf)).toEqual([]);
  const edge = manifests.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "edge");
  const { volumes, containers } = Edge.parse(edge).spec.template.spec;
  expect(containers.flatMap(({ volumeMounts }) => volumeMounts)).toMatchObject([
    { name: "issuers", mountPath: "/etc/parley" },
  ]);
  const maps = manifests.filter(({ kind }) => kind === "ConfigMap").map((one) => ConfigMap.parse(one));
  const mounted = maps.find(({ metadata }) => metadata.name === volumes[0]?.configMap.name);
  expect(Object.keys(mounted?.data ?? {})).toEqual(["issuers.yaml"]);
  const settings = maps.find(({ metadata }) => metadata.name.startsWith("parley-edge-"));
  expect(settings?.data).toMatchObject({ ISSUERS_FILE: "/etc/parley/issuers.yaml", SHUTDOWN_MS: "20000" });
});
