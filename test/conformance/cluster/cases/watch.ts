import { type Case, configMap, CORE, create, TABLE } from "../case.ts";

const MAPS = `${CORE}/configmaps`;
const list = `${MAPS}?labelSelector=set%3D{name}`;
const watch = `${list}&watch=true&timeoutSeconds=1`;
const labelled = (data: Record<string, string>) => configMap(data, "{name}", { set: "{name}" });
const change = { as: "operator", method: "PATCH", path: `${MAPS}/{name}`, status: 200 } as const;

export const watchCases: readonly Case[] = [
  {
    name: "a watch without a version begins with what is there",
    steps: [
      create(MAPS, labelled({ a: "1" })),
      {
        path: watch,
        isWatch: true,
        status: 200,
        has: [
          {
            type: "ADDED",
            object: { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "{name}" }, data: { a: "1" } },
          },
        ],
      },
    ],
  },
  {
    name: "a watch from a version tells all that came after it, in its order",
    steps: [
      { path: list, status: 200, keep: { from: "metadata.resourceVersion" } },
      create(MAPS, labelled({ a: "1" })),
      { ...change, body: { data: { a: "2" } } },
      { as: "operator", method: "DELETE", path: `${MAPS}/{name}`, status: 200 },
      {
        path: `${watch}&resourceVersion={from}`,
        isWatch: true,
        status: 200,
        has: [
          { type: "ADDED", object: { data: { a: "1" } } },
          { type: "MODIFIED", object: { data: { a: "2" } } },
          { type: "DELETED", object: { data: { a: "2" } } },
        ],
      },
    ],
  },
  {
    name: "what no longer fits the selection is deleted for those who watch it",
    steps: [
      create(MAPS, labelled({}), { keep: { from: "metadata.resourceVersion" } }),
      { ...change, body: { metadata: { labels: { set: "elsewhere" } } } },
      { ...change, body: { metadata: { labels: { set: "{name}" } } } },
      {
        path: `${watch}&resourceVersion={from}`,
        isWatch: true,
        status: 200,
        has: [{ type: "DELETED" }, { type: "ADDED" }],
      },
    ],
  },
  {
    name: "a watch says before its end up to which version it has told",
    // A real API server says so when it likes: within five seconds it said nothing.
    needs: "simulator",
    steps: [
      create(MAPS, labelled({}), { keep: { from: "metadata.resourceVersion" } }),
      {
        path: `${list}&watch=true&timeoutSeconds=5&resourceVersion={from}&allowWatchBookmarks=true`,
        isWatch: true,
        status: 200,
        has: [
          {
            type: "BOOKMARK",
            object: { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: "~^\\d+$" } },
          },
        ],
      },
    ],
  },
  {
    name: "a watch without bookmarks has none",
    steps: [
      create(MAPS, labelled({}), { keep: { from: "metadata.resourceVersion" } }),
      { path: `${watch}&resourceVersion={from}`, isWatch: true, status: 200, has: [] },
    ],
  },
  {
    name: "a single object can be watched by its name",
    steps: [
      create(MAPS, labelled({ a: "1" })),
      {
        path: `${MAPS}?fieldSelector=metadata.name%3D{name}&watch=true&timeoutSeconds=1`,
        isWatch: true,
        status: 200,
        has: [{ type: "ADDED", object: { metadata: { name: "{name}" } } }],
      },
    ],
  },
  {
    name: "a watch can come as a table",
    steps: [
      create(MAPS, labelled({ a: "1" })),
      {
        path: watch,
        accept: TABLE,
        isWatch: true,
        status: 200,
        has: [{ type: "ADDED", object: { kind: "Table", rows: [{ cells: ["{name}", 1, "~^\\d+s$"] }] } }],
      },
    ],
  },
  {
    name: "a version that is forgotten ends a watch with Expired",
    needs: "simulator",
    steps: [
      {
        path: `${watch}&resourceVersion=5`,
        isWatch: true,
        status: 200,
        has: [{ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } }],
      },
    ],
  },
];
