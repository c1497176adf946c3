import { describe, expect, test } from "vitest";
import { nextRunAfter } from "../src/controllers/cron-schedule.ts";
import { quantityOf } from "../src/kinds/pod-template.ts";
import { jsonPatch } from "../src/patch/json-patch.ts";
import { mergePatch } from "../src/patch/merge-patch.ts";
import { fieldsOf, fromFieldsV1, pathText, toFieldsV1 } from "../src/patch/field-set.ts";
import { strategicPatch } from "../src/patch/strategic-patch.ts";
import { loadSchemas } from "../src/schema/schemas.ts";

const schemas = loadSchemas();
const podSpec = schemas.named("io.k8s.api.core.v1.PodSpec");

test.each([
  ["250m", 0.25],
  ["2", 2],
  [3, 3],
  ["1Gi", 2 ** 30],
  ["1.5k", 1_500],
  ["1e3", 1_000],
])("the quantity %j is %d", (text, number) => {
  expect(quantityOf(text)).toBeCloseTo(number);
});

test.each(["", "two", "1Zi", "--1"])("%j is no quantity", (text) => {
  expect(quantityOf(text)).toBeNaN();
});

test.each([
  ["*/15 * * * *", "2026-03-01T12:00:00Z", "2026-03-01T12:15:00Z"],
  ["0 3 * * *", "2026-03-01T12:00:00Z", "2026-03-02T03:00:00Z"],
  ["30 8 * * 1-5", "2026-03-06T09:00:00Z", "2026-03-09T08:30:00Z"],
  ["0 0 13 * 5", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"],
  ["0 0 * * 7", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"],
  ["@hourly", "2026-03-01T12:30:00Z", "2026-03-01T13:00:00Z"],
])("the schedule %s runs after %s at %s", (schedule, from, at) => {
  expect(new Date(nextRunAfter(schedule, Date.parse(from)) ?? 0).toISOString()).toBe(new Date(at).toISOString());
});

test.each(["* * * *", "a b c d e", "*/0 * * * *", "0 0 31 2 *"])("the schedule %s runs never", (schedule) => {
  expect(nextRunAfter(schedule, Date.parse("2026-03-01T12:00:00Z"))).toBeUndefined();
});

test.each([
  [{ a: 1, b: { c: 2 } }, { b: { c: null, d: 3 } }, { a: 1, b: { d: 3 } }],
  [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
  [{ a: 1 }, "text", "text"],
  [undefined, { a: null, b: 1 }, { b: 1 }],
])("a merge patch of %j by %j is %j", (...[original, patch, result]) => {
  expect(mergePatch(original, patch)).toEqual(result);
});

describe("a JSON patch", () => {
  test.each([
    [[{ op: "add", path: "/list/1", value: 9 }], { list: [1, 9, 2], map: { "a/b": 1 } }],
    [[{ op: "add", path: "/list/-", value: 9 }], { list: [1, 2, 9], map: { "a/b": 1 } }],
    [[{ op: "replace", path: "/map/a~1b", value: 5 }], { list: [1, 2], map: { "a/b": 5 } }],
    [[{ op: "move", from: "/map", path: "/moved" }], { list: [1, 2], moved: { "a/b": 1 } }],
    [[{ op: "copy", from: "/list/0", path: "/first" }], { list: [1, 2], map: { "a/b": 1 }, first: 1 }],
  ])("%j is applied", (patch, result) => {
    expect(jsonPatch({ list: [1, 2], map: { "a/b": 1 } }, patch)).toEqual(result);
  });

  test.each([
    [[{ op: "remove", path: "/nothing" }], "there is nothing at"],
    [[{ op: "add", path: "/list/9", value: 1 }], "there is no place 9"],
    [[{ op: "test", path: "/list/0", value: 7 }], "testing value"],
    [[{ op: "jump", path: "/list" }], "not a JSON patch"],
    [{ op: "add" }, "not a JSON patch"],
  ])("%j is refused", (patch, message) => {
    expect(() => jsonPatch({ list: [1] }, patch)).toThrow(message);
  });
});

test("a strategic patch merges by the keys that the schema names, and replaces on demand", () => {
  const original = {
    containers: [
      { name: "a", image: "1", args: ["x"] },
      { name: "b", image: "1" },
    ],
  };
  const patch = {
    containers: [
      { name: "b", $patch: "delete" },
      { name: "a", args: ["y"] },
    ],
  };
  expect(strategicPatch(schemas, podSpec, original, patch)).toEqual({
    containers: [{ name: "a", image: "1", args: ["y"] }],
  });
  const replaced = { containers: [{ $patch: "replace" }, { name: "c", image: "2" }] };
  expect(strategicPatch(schemas, podSpec, original, replaced)).toEqual({ containers: [{ name: "c", image: "2" }] });
  expect(() => strategicPatch(schemas, podSpec, original, { containers: [{ image: "2" }] })).toThrow("merge key: name");
});

test("managed fields are read as they were written", () => {
  const schema = schemas.named("io.k8s.api.apps.v1.Deployment");
  const spec = {
    replicas: 1,
    template: { spec: { containers: [{ name: "a", image: "1", ports: [{ containerPort: 80, protocol: "TCP" }] }] } },
  };
  const fields = fieldsOf(schemas, schema, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "x", labels: { "a/b": "1" } },
    spec,
  });
  expect(fromFieldsV1(toFieldsV1(fields))).toEqual(fields);
  expect([...fields].map(pathText).toSorted()).toContain(
    '.spec.template.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].protocol',
  );
  expect([...fields].map(pathText)).toContain(".metadata.labels.a/b");
});
