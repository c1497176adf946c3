import { APPLY, type Case, create, STRATEGIC, TABLE } from "../case.ts";

const WIDGETS = "/apis/simulated.parley.dev/v1/namespaces/{ns}/widgets";
const WIDGET = `${WIDGETS}/{name}`;
const widget = (spec: Record<string, unknown>) => ({
  apiVersion: "simulated.parley.dev/v1",
  kind: "Widget",
  metadata: { name: "{name}" },
  spec,
});

export const customCases: readonly Case[] = [
  {
    name: "a custom kind is in the discovery of its group",
    steps: [
      {
        path: "/apis/simulated.parley.dev/v1",
        status: 200,
        has: {
          kind: "APIResourceList",
          resources: [
            { name: "widgets", singularName: "widget", kind: "Widget", namespaced: true, shortNames: ["wd"] },
            { name: "widgets/status" },
          ],
        },
      },
    ],
  },
  {
    name: "an object of a custom kind is kept with the defaults of its schema",
    steps: [
      create(WIDGETS, widget({ size: 3 }), {
        has: { kind: "Widget", spec: { size: 3, colour: "grey" }, metadata: { generation: 1 } },
      }),
    ],
  },
  {
    name: "items of a custom kind say their kind",
    steps: [
      create(WIDGETS, widget({ size: 3 })),
      {
        path: `${WIDGETS}?fieldSelector=metadata.name%3D{name}`,
        status: 200,
        has: { kind: "WidgetList", items: [{ kind: "Widget", apiVersion: "simulated.parley.dev/v1" }] },
      },
    ],
  },
  {
    name: "a value that the schema of a custom kind does not allow is Invalid",
    steps: [
      create(WIDGETS, widget({ size: "large" }), {
        status: 422,
        has: { reason: "Invalid", details: { kind: "Widget", causes: [{ field: "spec.size" }] } },
      }),
    ],
  },
  {
    name: "a required field of a custom kind is asked for",
    steps: [
      create(WIDGETS, widget({}), { status: 422, has: { reason: "Invalid", message: "~spec.size: Required value" } }),
    ],
  },
  {
    name: "an unknown field of a custom kind is dropped",
    steps: [create(WIDGETS, widget({ size: 3, weight: 4 }), { lacks: ["spec.weight"] })],
  },
  {
    name: "a custom kind takes no strategic patch",
    steps: [
      create(WIDGETS, widget({ size: 3 })),
      {
        as: "operator",
        method: "PATCH",
        type: STRATEGIC,
        path: WIDGET,
        body: { spec: { size: 4 } },
        status: 415,
        has: { reason: "UnsupportedMediaType" },
      },
    ],
  },
  {
    name: "a custom kind can be applied",
    steps: [
      {
        as: "operator",
        method: "PATCH",
        type: APPLY,
        path: `${WIDGET}?fieldManager=one`,
        body: widget({ size: 3 }),
        status: 201,
        has: { spec: { size: 3 } },
      },
      {
        as: "operator",
        method: "PATCH",
        type: APPLY,
        path: `${WIDGET}?fieldManager=two`,
        body: widget({ size: 4 }),
        status: 409,
        has: { details: { causes: [{ field: ".spec.size" }] } },
      },
    ],
  },
  {
    name: "a table of a custom kind has the columns of its definition",
    steps: [
      create(WIDGETS, widget({ size: 3 })),
      {
        path: WIDGET,
        accept: TABLE,
        status: 200,
        has: {
          kind: "Table",
          columnDefinitions: [{ name: "Name" }, { name: "Size" }],
          rows: [{ cells: ["{name}", 3] }],
        },
      },
    ],
  },
  {
    name: "a custom kind has no scale unless its definition says so",
    steps: [create(WIDGETS, widget({ size: 3 })), { path: `${WIDGET}/scale`, status: 404 }],
  },
];
