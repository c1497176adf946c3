import { expect, test } from "vitest";
import { StatusError } from "../../../src/kubernetes/access-failure.ts";
import { KubeError } from "../../../src/kubernetes/api-failure.ts";
import { ConflictError, effectOf } from "../../../src/kubernetes/write/write-failure.ts";
import { NotDoneError } from "../../../src/tools/tool.ts";

const refusal = (body: unknown) =>
  new KubeError("The cluster refused: whatever.", {
    ...{ status: 409, notDone: true },
    cause: new StatusError(409, typeof body === "string" ? body : JSON.stringify(body)),
  });

test("a conflict of an apply names the fields and who manages them, and is no reason to try again", () => {
  const causes = [
    { reason: "FieldManagerConflict", message: 'conflict with "kubectl-edit" using apps/v1', field: ".spec.replicas" },
    { reason: "FieldManagerConflict", message: 'conflict with "hpa"', field: ".spec.paused" },
  ];
  const error = effectOf(refusal({ reason: "Conflict", message: "Apply failed", details: { causes } }));
  expect(error).not.toBeInstanceOf(ConflictError);
  expect(error).toBeInstanceOf(NotDoneError);
  expect(String(error)).toContain(".spec.replicas (kubectl-edit), .spec.paused (hpa). With force");
});

test("of very many conflicts the first ten are named", () => {
  const causes = Array.from({ length: 500 }, (_, at) => ({
    ...{ reason: "FieldManagerConflict", message: 'conflict with "x"' },
    field: `.f${at}`,
  }));
  expect(String(effectOf(refusal({ details: { causes } })))).toMatch(/\.f9 \(x\) and 490 more/);
});

test("another version of the object is a reason to look again", () => {
  expect(effectOf(refusal({ reason: "Conflict", message: "the object has been modified" }))).toBeInstanceOf(
    ConflictError,
  );
});

test("what exists already is not made again", () => {
  const error = effectOf(refusal({ reason: "AlreadyExists", message: 'namespaces "shop" already exists' }));
  expect(error).not.toBeInstanceOf(ConflictError);
  expect(error).toBeInstanceOf(NotDoneError);
});

test.each(["", "<html>", "null", "[]", '{"details":{"causes":"x"}}'])(
  "a refusal with the body %j is a conflict",
  (body) => {
    expect(effectOf(refusal(body))).toBeInstanceOf(ConflictError);
  },
);
