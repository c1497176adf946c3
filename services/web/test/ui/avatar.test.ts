import { expect, test } from "vitest";
import { colourOf, initialsOf } from "../../src/ui/avatar.tsx";

test.each([
  ["Ann Miller", "AM"],
  ["ann", "A"],
  ["Ann van der Berg", "AB"],
  ["ben.okafor@example.org", "BO"],
  ["Émile Zola", "ÉZ"],
  ["李 小龙", "李小"],
  ["<script>", "S"],
  ["…", "?"],
  ["", "?"],
])("the letters of %o are %o", (name, letters) => {
  expect(initialsOf(name)).toBe(letters);
});

test("somebody has the same colour everywhere, and not everybody the same", () => {
  expect(colourOf("u-1")).toBe(colourOf("u-1"));
  const colours = new Set(Array.from({ length: 100 }, (_, nth) => colourOf(`user-${nth}`)));
  expect(colours.size).toBe(8);
});
