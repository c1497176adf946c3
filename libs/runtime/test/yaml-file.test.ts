import { expect, it } from "vitest";
import { z } from "zod";
import { parseYaml } from "../src/index.ts";

const Schema = z.strictObject({ roles: z.record(z.string(), z.array(z.string())), most: z.number().optional() });

it.each([
  ["roles:\n  everybody\n    a: [x]\n", 'limits.yaml:2: a name lacks its ":"'],
  ["roles:\n\teverybody: [x]\n", "limits.yaml:2: Tabs are not allowed as indentation"],
  ['roles:\n  everybody: ["x]\n', "limits.yaml:3: Missing closing"],
  ["roles: {}\nroles: {}\n", "limits.yaml:2: Map keys must be unique"],
  ["roles: {}\nmost: many\n", "limits.yaml:2: most must be a number"],
  ["roles: {}\n\nmots: 3\n", 'limits.yaml:3: unknown field "mots"'],
  ["", "limits.yaml:1: the file is empty"],
])("says of %j where it is wrong, and how", (text, sentence) => {
  const parsed = parseYaml({ file: "limits.yaml", text }, Schema);
  expect(parsed.ok ? [] : parsed.problems).toContainEqual(expect.stringContaining(sentence));
});
