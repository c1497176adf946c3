import path from "node:path";
import { env } from "node:process";
import { eventually, startService, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";
import { accessCases } from "./cases/access.ts";
import { applyCases } from "./cases/apply.ts";
import { changeCases } from "./cases/change.ts";
import { controllerCases } from "./cases/controllers.ts";
import { createCases } from "./cases/create.ts";
import { customCases } from "./cases/custom.ts";
import { deleteCases } from "./cases/delete.ts";
import { readCases } from "./cases/read.ts";
import { scaleCases } from "./cases/scale.ts";
import { watchCases } from "./cases/watch.ts";
import type { Case } from "./case.ts";
import { type Connection, createConnection } from "./connection.ts";
import { prepare } from "./preparation.ts";
import { runCase } from "./run-case.ts";

/** Set by `npm run test:cluster`; without it, the simulated cluster is held against the cases. */
const given = env["PARLEY_CONFORMANCE_KUBECONFIG"];
/** What a bare API server lacks: `controllers,kubelet,metrics,simulator`. */
const lacking = new Set((env["PARLEY_CONFORMANCE_LACKS"] ?? "").split(","));

const groups = {
  accessCases,
  applyCases,
  changeCases,
  controllerCases,
  createCases,
  customCases,
  deleteCases,
  readCases,
  scaleCases,
  watchCases,
};
const namespace = `conformance-${Date.now().toString(36)}`;

let connection: Connection;
const closing: (() => PromiseLike<void>)[] = [];

async function simulatedKubeconfig(): Promise<string> {
  const folder = await tempDir();
  const file = path.join(folder.path, "kubeconfig");
  const simulator = await startService("cluster-simulator", { KUBECONFIG_OUT: file });
  closing.push(
    () => simulator[Symbol.asyncDispose](),
    () => folder[Symbol.asyncDispose](),
  );
  await eventually(() => createConnection(file), { what: "the kubeconfig" });
  return file;
}

beforeAll(async () => {
  connection = createConnection(given ?? (await simulatedKubeconfig()));
  if (!connection.isPrepared) await prepare(connection);
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  const { status, text } = await connection.ask("operator", { method: "POST", path: "/api/v1/namespaces", body });
  if (status !== 201) throw new Error(`the namespace of the run cannot be made: ${text.slice(0, 300)}`);
});

afterAll(async () => {
  for (const close of closing) await close();
});

const able = Object.entries(groups)
  .map(([group, cases]) => [group, runnable(group, cases)] as const)
  .filter(([, cases]) => cases.length > 0);

function runnable(group: string, cases: readonly Case[]) {
  return cases
    .map((entry, index) => ({ ...entry, id: `${group.replace("Cases", "")}-${index}` }))
    .filter(({ needs }) => needs === undefined || !lacking.has(needs));
}

describe.each(able)("%s", (_group, cases) => {
  test.each(cases)("$name", async (entry) => {
    await runCase(connection, entry, { ns: namespace, name: entry.id });
  });
});
