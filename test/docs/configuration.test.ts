import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { fieldsOf } from "../../scripts/config/field.ts";
import { configurationPage } from "../../scripts/config/page.ts";
import { services } from "../../scripts/config/services.ts";

const root = path.resolve(import.meta.dirname, "../..");

it("docs/configuration.md is what `npm run config -- docs` writes", () => {
  const isFresh = readFileSync(path.join(root, "docs/configuration.md"), "utf8") === configurationPage();
  expect(isFresh, "docs/configuration.md is stale: run `npm run config -- docs`").toBe(true);
});

it.each([...services])("every setting of %s says what it means", (_name, schema) => {
  const silent = fieldsOf(schema).filter(({ meaning }) => !/^[A-Z`'].*[.!]$/s.test(meaning));
  expect(silent.map(({ name }) => name)).toEqual([]);
});

it("every setting whose name says so is a secret", () => {
  const fields = [...services.values()].flatMap((schema) => fieldsOf(schema));
  const open = fields.filter(
    ({ name, isSecret }) => !name.includes("PUBLIC_KEY") && /(_KEY|_SECRET|_TOKEN|PASSWORD)$/.test(name) && !isSecret,
  );
  expect(open.map(({ name }) => name)).toEqual([]);
});
