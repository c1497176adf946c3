import { type Case, configMap, CORE, create, TABLE } from "../case.ts";

const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "{name}", labels: { app: "{name}" } },
  spec: { containers: [{ name: "web", image: "registry.simulated/web:1" }] },
};
const three = ["a", "b", "c"].map((letter) =>
  create(`${CORE}/configmaps`, configMap({}, `{name}-${letter}`, { set: "{name}", letter })),
);
const list = (query: string): string => `${CORE}/configmaps?labelSelector=set%3D{name}${query}`;

export const readCases: readonly Case[] = [
  {
    name: "the version has a major and a minor part",
    steps: [{ path: "/version", status: 200, has: { major: "1", minor: "~^\\d+", gitVersion: "~^v1\\." } }],
  },
  {
    name: "the core group is version v1",
    steps: [{ path: "/api", status: 200, has: { kind: "APIVersions", versions: ["v1"] } }],
  },
  {
    name: "a group says which of its versions is preferred",
    steps: [
      {
        path: "/apis/apps",
        status: 200,
        has: { kind: "APIGroup", name: "apps", preferredVersion: { groupVersion: "apps/v1", version: "v1" } },
      },
    ],
  },
  {
    name: "the groups are listed",
    steps: [{ path: "/apis", status: 200, has: { kind: "APIGroupList", apiVersion: "v1" } }],
  },
  {
    name: "the resources of a group are listed",
    steps: [{ path: "/apis/apps/v1", status: 200, has: { kind: "APIResourceList", groupVersion: "apps/v1" } }],
  },
  {
    name: "discovery comes at once for those who ask for it",
    steps: [
      {
        path: "/apis",
        accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        status: 200,
        has: { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2" },
      },
    ],
  },
  {
    name: "the OpenAPI index names a document for each group and version",
    steps: [
      {
        path: "/openapi/v3",
        status: 200,
        has: { paths: { "apis/apps/v1": { serverRelativeURL: "~^/openapi/v3/apis/apps/v1\\?hash=" }, "api/v1": {} } },
      },
    ],
  },
  {
    name: "an OpenAPI document describes the fields of a kind",
    steps: [
      {
        path: "/openapi/v3/apis/apps/v1",
        status: 200,
        has: {
          components: {
            schemas: {
              "io.k8s.api.apps.v1.DeploymentSpec": {
                properties: {
                  replicas: { type: "integer", format: "int32" },
                  selector: { description: "~^Label selector" },
                },
                required: ["selector", "template"],
              },
            },
          },
        },
      },
    ],
  },
  {
    name: "an object is what was made, with what the server adds",
    steps: [
      create(`${CORE}/configmaps`, configMap({ a: "1" }), { keep: { uid: "metadata.uid" } }),
      {
        path: `${CORE}/configmaps/{name}`,
        status: 200,
        has: {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: {
            name: "{name}",
            namespace: "{ns}",
            uid: "{uid}",
            resourceVersion: "~^\\d+$",
            creationTimestamp: "~^\\d{4}-.*Z$",
          },
          data: { a: "1" },
        },
      },
    ],
  },
  {
    name: "an object that is not there is NotFound",
    steps: [
      {
        path: `${CORE}/configmaps/{name}`,
        status: 404,
        has: {
          kind: "Status",
          status: "Failure",
          reason: "NotFound",
          code: 404,
          message: 'configmaps "{name}" not found',
          details: { name: "{name}", kind: "configmaps" },
        },
      },
    ],
  },
  {
    name: "an object of a group that is not there is named with its group",
    steps: [
      {
        path: "/apis/apps/v1/namespaces/{ns}/deployments/{name}",
        status: 404,
        has: { message: 'deployments.apps "{name}" not found', details: { group: "apps", kind: "deployments" } },
      },
    ],
  },
  {
    name: "a kind that a known group does not have is NotFound",
    steps: [
      {
        path: "/apis/apps/v1/things",
        status: 404,
        has: { reason: "NotFound", message: "the server could not find the requested resource" },
      },
    ],
  },
  {
    name: "a list has the version it shows, and its items do not repeat their kind",
    steps: [
      ...three,
      {
        path: list(""),
        status: 200,
        has: {
          kind: "ConfigMapList",
          apiVersion: "v1",
          metadata: { resourceVersion: "~^\\d+$" },
          items: [
            { metadata: { name: "{name}-a" } },
            { metadata: { name: "{name}-b" } },
            { metadata: { name: "{name}-c" } },
          ],
        },
        lacks: ["items.0.kind"],
      },
    ],
  },
  {
    name: "an empty list is a list",
    steps: [{ path: list(""), status: 200, has: { kind: "ConfigMapList", items: [] } }],
  },
  {
    name: "a list of a namespace that is not there is empty",
    steps: [{ path: "/api/v1/namespaces/{name}/configmaps", status: 200, has: { items: [] } }],
  },
  {
    name: "labels select with in, notin and existence",
    steps: [
      ...three,
      {
        path: list("%2Cletter+in+%28a%2Cb%29%2Cletter+notin+%28b%29%2C%21other"),
        status: 200,
        has: { items: [{ metadata: { name: "{name}-a" } }] },
      },
    ],
  },
  {
    name: "fields select by name",
    steps: [
      ...three,
      {
        path: `${CORE}/configmaps?fieldSelector=metadata.name%3D{name}-b`,
        status: 200,
        has: { items: [{ metadata: { name: "{name}-b" } }] },
      },
    ],
  },
  {
    name: "a field that cannot select is refused",
    steps: [
      {
        path: `${CORE}/configmaps?fieldSelector=data.a%3D1`,
        status: 400,
        has: {
          reason: "BadRequest",
          message: '~^"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"$',
        },
      },
    ],
  },
  {
    name: "a field of pods that cannot select is refused in other words",
    steps: [
      {
        path: `${CORE}/pods?fieldSelector=spec.colour%3Dred`,
        status: 400,
        has: { reason: "BadRequest", message: "~field label not supported: spec.colour" },
      },
    ],
  },
  {
    name: "a label selector that cannot be read is refused",
    steps: [
      {
        path: `${CORE}/configmaps?labelSelector=a+in+%28b`,
        status: 400,
        has: { reason: "BadRequest", message: "~unable to parse requirement" },
      },
    ],
  },
  {
    name: "a long list comes in pages that hold each object once",
    steps: [
      ...three,
      {
        path: list("&limit=2"),
        status: 200,
        has: {
          metadata: { continue: "~." },
          items: [{ metadata: { name: "{name}-a" } }, { metadata: { name: "{name}-b" } }],
        },
        keep: { next: "metadata.continue" },
      },
      {
        path: list("&limit=2&continue={next}"),
        status: 200,
        has: { items: [{ metadata: { name: "{name}-c" } }] },
        lacks: ["metadata.continue"],
      },
    ],
  },
  {
    name: "a page does not show what was made after the first one",
    steps: [
      ...three,
      { path: list("&limit=2"), status: 200, keep: { next: "metadata.continue" } },
      create(`${CORE}/configmaps`, configMap({}, "{name}-d", { set: "{name}" })),
      { path: list("&limit=5&continue={next}"), status: 200, has: { items: [{ metadata: { name: "{name}-c" } }] } },
    ],
  },
  {
    name: "a continue token that is none is refused",
    steps: [
      {
        path: `${CORE}/configmaps?limit=1&continue=nonsense`,
        status: 400,
        has: { reason: "BadRequest", message: "~continue key is not valid" },
      },
    ],
  },
  {
    name: "a table has the columns that people see",
    steps: [
      ...three,
      {
        path: list(""),
        accept: TABLE,
        status: 200,
        has: {
          kind: "Table",
          apiVersion: "meta.k8s.io/v1",
          columnDefinitions: [{ name: "Name", format: "name" }, { name: "Data" }, { name: "Age" }],
          rows: [
            {
              cells: ["{name}-a", 0, "~^\\d+s$"],
              object: { kind: "PartialObjectMetadata", metadata: { name: "{name}-a" } },
            },
            {},
            {},
          ],
        },
      },
    ],
  },
  {
    name: "a table of pods has the columns of kubectl",
    steps: [
      create(`${CORE}/pods`, POD),
      {
        path: `${CORE}/pods/{name}`,
        accept: TABLE,
        status: 200,
        has: {
          columnDefinitions: [
            { name: "Name" },
            { name: "Ready" },
            { name: "Status" },
            { name: "Restarts" },
            { name: "Age" },
            { name: "IP", priority: 1 },
            { name: "Node", priority: 1 },
            { name: "Nominated Node" },
            { name: "Readiness Gates" },
          ],
        },
      },
    ],
  },
  {
    name: "a table comes without objects for those who want none",
    steps: [
      ...three,
      {
        path: list("&includeObject=None"),
        accept: TABLE,
        status: 200,
        has: { kind: "Table" },
        lacks: ["rows.0.object.metadata"],
      },
    ],
  },
  {
    name: "a list of an exact version shows what was there then",
    steps: [
      ...three,
      { path: list(""), status: 200, keep: { moment: "metadata.resourceVersion" } },
      { as: "operator", method: "DELETE", path: `${CORE}/configmaps/{name}-a`, status: 200 },
      {
        path: list("&resourceVersion={moment}&resourceVersionMatch=Exact"),
        status: 200,
        has: { items: [{ metadata: { name: "{name}-a" } }, {}, {}] },
      },
    ],
  },
];
