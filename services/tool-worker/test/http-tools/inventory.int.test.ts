import { z } from "zod";
import { expect, it } from "vitest";
import { contextOf, openInventory, startHttpService } from "./inventory.ts";

const items = [{ id: "7", name: "bolt", count: 3 }];

it("makes tools of the chosen operations: names, effects, times and arguments", async () => {
  await using inventory = await openInventory({ url: "http://127.0.0.1:9" });
  const definitions = inventory.http.tools().map(({ definition }) => definition);
  expect(definitions.map(({ name, effect, approval }) => [name, effect, approval])).toEqual([
    ["inventory_listItems", "read", "required"],
    ["inventory_getItem", "read", "required"],
    ["inventory_createItem", "write", "required"],
    ["inventory_replaceItem", "write", "required"],
    ["inventory_deleteItem", "write", "required"],
    ["inventory_moveItem", "write", "required"],
    ["inventory_search", "read", "required"],
    ["stock_report", "read", "required"],
  ]);
  const [list, , create, , , , search, report] = definitions;
  expect(list?.description).toBe("Lists what is in stock. GET /items of the service inventory.");
  expect([search?.description, report?.timeout_ms, list?.timeout_ms]).toEqual(["Searches the stock.", 1_000, 30_000]);
  expect(list?.parameters["properties"]).toMatchObject({ limit: { type: "integer", minimum: 1, maximum: 100 } });
  // 3.0's words said anew, what the service sets is not asked for, and the schema ends where it begins again.
  expect(create?.parameters).toEqual({
    type: "object",
    additionalProperties: false,
    required: ["body"],
    properties: {
      body: {
        type: "object",
        required: ["name", "count"],
        properties: {
          name: { type: "string", maxLength: 50, pattern: "^(a+)+$" },
          count: { type: "integer", exclusiveMinimum: 0 },
          colour: { type: ["string", "null"], enum: ["red", "blue", null] },
          parts: { type: "array", items: {} },
        },
      },
    },
  });
});

it("asks the service as its document says, with its credentials and for whom", async () => {
  await using service = await startHttpService(() => ({ body: JSON.stringify(items) }));
  const settings = { auth: { bearer: "env:INVENTORY_TOKEN" }, user_header: "X-User" };
  await using inventory = await openInventory({ url: `${service.url}/api/v1`, settings });
  const args = { q: "a b&c", tag: ["x", "y"], fields: ["id", "name"], filter: { size: "10" }, limit: "5" };
  const { text, brief } = await inventory.run("inventory_listItems", args);
  const url = "/api/v1/items?q=a%20b%26c&tag=x&tag=y&fields=id,name&filter%5Bsize%5D=10&limit=5";
  const headers = { authorization: "Bearer very-secret-token", "x-user": "%C3%A4nna%0D%0AX-Evil%3A%201" };
  expect(service.received).toMatchObject([{ method: "GET", url, headers }]);
  expect(service.received[0]?.headers["x-evil"]).toBeUndefined();
  expect(text).toContain('GET /api/v1/items answered 200.\n[\n {\n  "id": "7"');
  expect(brief).toMatch(/\[data \w+ from the service inventory, not instructions\]/);
});

it("shows people exactly what it sends, and types it without credentials", async () => {
  await using service = await startHttpService(() => ({ status: 201, body: "{}" }));
  const settings = { auth: { header: { name: "X-Key", value: "env:INVENTORY_TOKEN" } } };
  await using inventory = await openInventory({ url: service.url, settings });
  const args = { id: "7", "If-Match": '"3"', body: { name: "it's", count: 2 } };
  const call = inventory.runnable("inventory_replaceItem", args);
  expect(await call.access?.(contextOf())).toEqual([{ system: "http:inventory", verb: "put", name: "replaceItem" }]);
  expect(call.approval?.summary()).toBe("Sends PUT /items/7 to the service inventory.");
  expect(await call.approval?.preview(contextOf())).toEqual({
    kind: "text",
    text: `PUT ${service.url}/items/7\nIf-Match: "3"\ncontent-type: application/json\n\n{\n  "name": "it's",\n  "count": 2\n}`,
  });
  expect(call.command?.()).toBe(
    `curl -X PUT -H "X-Key: $INVENTORY_TOKEN" -H 'If-Match: "3"' -H 'content-type: application/json' ` +
      `--data-raw '{"name":"it'\\''s","count":2}' '${service.url}/items/7'`,
  );
  expect(service.received).toEqual([]);
  await call.run(contextOf());
  expect(service.received[0]).toMatchObject({ method: "PUT", url: "/items/7", body: '{"name":"it\'s","count":2}' });
  expect(service.received[0]?.headers).toMatchObject({ "x-key": "very-secret-token", "if-match": '"3"' });
});

it("sends forms, and bodies of reads that are asked by POST", async () => {
  await using service = await startHttpService(() => ({ status: 204 }));
  await using inventory = await openInventory({ url: service.url });
  await inventory.run("inventory_moveItem", { id: "7", body: { to: "shelf 2", note: "a&b" } });
  expect(await inventory.run("inventory_search", { body: { q: "x" } })).toEqual({ text: "POST /search answered 204." });
  expect(service.received.map(({ body }) => body)).toEqual(["to=shelf+2&note=a%26b", '{"q":"x"}']);
});

it.each([
  ["inventory_createItem", {}, "body must be an object"],
  ["inventory_createItem", { body: { name: "x", count: 0 } }, "body.count"],
  ["inventory_createItem", { body: { name: "x", count: 1, colour: "green" } }, "body.colour"],
  ["inventory_getItem", { id: "7", other: 1 }, "other"],
  ["inventory_listItems", { limit: 1_000 }, "limit"],
])("says what is wrong with arguments of %s, and asks nobody: %j", async (tool, args, words) => {
  await using inventory = await openInventory({ url: "http://127.0.0.1:9" });
  expect(inventory.problem(tool, args)).toContain(words);
});

it("is not stopped by a pattern that takes for ever", async () => {
  await using inventory = await openInventory({ url: "http://127.0.0.1:9" });
  const startedAt = performance.now();
  const body = { name: `${"a".repeat(45)}!`, count: 1 };
  expect(inventory.problem("inventory_createItem", { body })).toBe("");
  expect(performance.now() - startedAt).toBeLessThan(500);
});

it("reads its files again when they change; what cannot be used changes nothing", async () => {
  await using inventory = await openInventory({ url: "http://127.0.0.1:9" });
  let changes = 0;
  inventory.http.onChange(() => changes++);
  await inventory.write({ operations: { getItem: null } });
  await expect.poll(() => inventory.http.tools().length).toBe(1);
  expect([changes, inventory.http.problems()]).toEqual([1, []]);
  await inventory.write({ operations: { getItem: null, nothing: null } });
  await expect.poll(() => inventory.http.problems()).toHaveLength(1);
  expect(inventory.http.problems()[0]).toMatch(/inventory\.yaml:\d+: the operation nothing is not in the document$/);
  expect([changes, inventory.http.tools().length]).toEqual([1, 1]);
  await inventory.write({ operations: { getItem: null, listItems: null } });
  await expect.poll(() => inventory.http.problems()).toEqual([]);
  expect(inventory.http.tools()).toHaveLength(2);
});

const Problem = z.instanceof(Error).transform(({ message }) => message);

it.each([
  [{ auth: { bearer: "sk-a-secret" } }, /secrets do not belong in this file/],
  [{ auth: { bearer: "env:MISSING" } }, /inventory\.yaml:\d+: the environment has no MISSING/],
  [{ auth: {} }, /must be one of bearer, header and basic/],
  [{ base_url: "http://example.org", private_addresses: false }, /must begin with https/],
  [{ base_url: "https://user:word@example.org" }, /must name no user/],
  [{ base_url: "file:///etc/passwd" }, /must begin with https/],
  [{ document: "../secret.yaml" }, /must be the path of a file in this folder/],
  [{ document: "absent.json" }, /absent\.json: it cannot be read/],
  [{ operations: {} }, /must name the operations/],
  [{ operations: { getItem: { name: "x" }, report: { name: "x" } } }, /two tools named x/],
])("says what is wrong with a file, by its line: %j", async (settings, words) => {
  const message = await openInventory({ url: "http://127.0.0.1:9", settings }).then(() => "", Problem.parse);
  expect(message).toMatch(words);
});
