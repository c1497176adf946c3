import { expect, it } from "vitest";
import { createResolver } from "../../src/http-tools/document-references.ts";
import { standaloneSchema } from "../../src/http-tools/document-schema.ts";
import { OpenApiDocument } from "../../src/http-tools/operations.ts";

function found(operation: unknown, path = "/x") {
  return OpenApiDocument.parse({ openapi: "3.1.0", paths: { [path]: { get: operation } } }).find(`GET ${path}`);
}

it.each([
  [{ parameters: [{ name: "c", in: "cookie", required: true }] }, "/x", "needs the cookie c"],
  [{ parameters: [{ name: "p", in: "path", style: "matrix", required: true }] }, "/{p}", "in the style matrix"],
  [{ parameters: [{ name: "p", in: "query", style: "pipeDelimited" }] }, "/x", "in the style pipeDelimited"],
  [{ parameters: [{ in: "query" }] }, "/x", "a parameter that cannot be read"],
  [{ parameters: [{ $ref: "https://elsewhere.example/p.json" }] }, "/x", "a parameter that cannot be read"],
  [{ parameters: [{ $ref: "other.yaml#/p" }] }, "/x", "a parameter that cannot be read"],
  [{ parameters: [{ name: "X\r\nY", in: "header" }] }, "/x", "which is none"],
  [{ requestBody: { content: { "multipart/form-data": {} } } }, "/x", "neither JSON nor a form nor text"],
  [{}, "/{id}", "does not say what {id} in its path is"],
  [{}, "/a/../b", "not one below the address"],
  [{}, "/a?b=c", "not one below the address"],
  [{}, "//evil", ""],
])("says what an operation has that cannot be asked: %j at %s", (operation, path, words) => {
  const one = found(operation, path);
  expect("problem" in one ? one.problem : "").toContain(words);
});

it("reads no older document", () => {
  expect(OpenApiDocument.safeParse({ swagger: "2.0", paths: {} }).success).toBe(false);
  expect(OpenApiDocument.safeParse({ openapi: "2.0.0", paths: {} }).success).toBe(false);
});

it("leaves out headers of the request itself, and tells parameters of one name apart", () => {
  const names = ["Authorization", "Host", "content-type", "X-Trace"].map((name) => ({ name, in: "header" }));
  const parameters = [
    ...names,
    { name: "id", in: "query" },
    { name: "id", in: "header" },
    { name: "a[b]", in: "query" },
  ];
  const one = found({ parameters });
  expect("operation" in one && one.operation.parameters.map(({ as, in: place }) => [as, place])).toEqual([
    ["X-Trace", "header"],
    ["id", "query"],
    ["id_header", "header"],
    ["a_b_", "query"],
  ]);
});

it("finds only what stands in the document, with ~ and % in names, and ends in circles", () => {
  const resolve = createResolver({ "a/b": { "c~d": { e: 1 } }, loop: { $ref: "#/loop" } });
  expect(resolve({ $ref: "#/a~1b/c~0d" })).toEqual({ e: 1 });
  expect(resolve({ $ref: "#/a%2Fb/c~0d" })).toEqual({ e: 1 });
  for (const $ref of ["#/loop", "#/__proto__", "#/constructor", "#/none", "http://x/#/a", "#/%"])
    expect(resolve({ $ref })).toBeUndefined();
});

it("bounds what models are given of a schema, however large the document makes it", () => {
  const wide = (depth: number): unknown =>
    depth === 0
      ? { type: "string", description: "x".repeat(400) }
      : {
          type: "object",
          properties: Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`p${n}`, wide(depth - 1)])),
        };
  const schema = standaloneSchema(wide(4), createResolver({}));
  expect(JSON.stringify(schema).length).toBeLessThanOrEqual(16 * 1024);
  expect(schema["type"]).toBe("object");
  const bomb = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [
      `s${n}`,
      { type: "object", properties: { a: { $ref: `#/s${n + 1}` }, b: { $ref: `#/s${n + 1}` } } },
    ]),
  );
  const startedAt = performance.now();
  standaloneSchema({ $ref: "#/s0" }, createResolver(bomb));
  expect(performance.now() - startedAt).toBeLessThan(500);
});
