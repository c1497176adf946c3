import { ROLE_RULES } from "../../../services/cluster-simulator/src/access/roles.ts";
import type { Connection } from "./connection.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const widgets = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.simulated.parley.dev" },
  spec: {
    group: "simulated.parley.dev",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList", shortNames: ["wd"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["size"],
                properties: { size: { type: "integer" }, colour: { type: "string", default: "grey" } },
              },
              status: { type: "object", properties: { ready: { type: "boolean" } } },
            },
          },
        },
      },
    ],
  },
};

/** Gives a real API server the two identities and the custom kind that the simulated cluster has from the start. */
export async function prepare(connection: Connection): Promise<void> {
  async function put(path: string, body: { metadata: { name: string } }): Promise<void> {
    const { status, text } = await connection.ask("admin", {
      method: "PATCH",
      path: `${path}/${body.metadata.name}?fieldManager=conformance&force=true`,
      type: "application/apply-patch+yaml",
      body,
    });
    if (status >= 300) throw new Error(`${path}: ${status} ${text.slice(0, 300)}`);
  }
  for (const role of ["reader", "operator"] as const) {
    const name = `conformance-${role}`;
    const head = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name } };
    await put(`${RBAC}/clusterroles`, { ...head, kind: "ClusterRole", rules: ROLE_RULES[role] } as never);
    const subjects = [{ kind: "User", name: role, apiGroup: "rbac.authorization.k8s.io" }];
    const roleRef = { kind: "ClusterRole", name, apiGroup: "rbac.authorization.k8s.io" };
    await put(`${RBAC}/clusterrolebindings`, { ...head, kind: "ClusterRoleBinding", subjects, roleRef } as never);
  }
  await put(DEFINITIONS, widgets);
  for (let tries = 0; tries < 50; tries += 1) {
    const { status } = await connection.ask("admin", { path: "/apis/simulated.parley.dev/v1/widgets" });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the custom kind is not served");
}
