import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const adr = await readFile(path.join(root, "docs/adr/0010-where-uwebsockets-js-comes-from.md"), "utf8");
const rows = [...adr.matchAll(/^ *\| `(uws_\w+\.node)` \|.*\| `([0-9a-f]{64})` \|$/gm)];
const listed = new Map(rows.map(([, file = "", hash = ""]) => [file, hash]));

const systems = ["linux_x64", "linux_arm64", "darwin_x64", "darwin_arm64"];
const modules = { "Node 20": 115, "Node 22": 127, "Node 24": 137 };

it("ADR 10 lists a binary for each supported system and Node, and no others", () => {
  const wanted = systems.flatMap((system) => Object.values(modules).map((version) => `uws_${system}_${version}.node`));
  expect([...listed.keys()].toSorted()).toEqual(wanted.toSorted());
});

it.each([...listed])("%s is the one that ADR 10 lists", async (file, hash) => {
  const content = await readFile(path.join(root, "node_modules/uWebSockets.js", file));
  expect(createHash("sha256").update(content).digest("hex")).toBe(hash);
});
