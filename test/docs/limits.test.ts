import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Limits, LimitsFile, limitTable, noQuotas, quotaTable } from "@parley/protocol";
import { parseYaml } from "@parley/runtime";
import { expect, it } from "vitest";
import { limitLines, quotaLines } from "./limits-page.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = path.join(root, "docs/limits.md");
const [begin, end] = ["<!-- limits: begin -->", "<!-- limits: end -->"] as const;

it("docs/limits.md has the table as it is in the code", () => {
  const text = readFileSync(page, "utf8");
  const [before, after] = [text.slice(0, text.indexOf(begin) + begin.length), text.slice(text.indexOf(end))];
  const fresh = `${before}\n\n${limitLines().join("\n")}\n\n${quotaLines().join("\n")}\n\n${after}`;
  if (process.env["PARLEY_WRITE_DOCS"] === "1") writeFileSync(page, fresh);
  expect(readFileSync(page, "utf8"), "write it with PARLEY_WRITE_DOCS=1").toBe(fresh);
});

it("every limit has a reason, an answer, and a test that names it", () => {
  for (const [name, { reason, answer, test }] of Object.entries({ ...limitTable, ...quotaTable })) {
    expect(reason.length, name).toBeGreaterThan(30);
    expect(answer.length, name).toBeGreaterThan(10);
    expect(existsSync(path.join(root, test)), `${name}: ${test}`).toBe(true);
    expect(readFileSync(path.join(root, test), "utf8"), test).toContain(name);
  }
});

it("the shipped file says of every limit what holds without it", () => {
  const file = path.join(root, "config/limits.yaml");
  const text = readFileSync(file, "utf8");
  const parsed = parseYaml({ file, text }, LimitsFile);
  expect(parsed.ok && parsed.value.limits).toEqual(Limits.parse({}));
  expect(parsed.ok && parsed.value.quotas).toEqual(noQuotas);
  for (const name of Object.keys(quotaTable)) expect(text).toContain(`#   ${name}:`);
  for (const name of Object.keys(limitTable)) expect(text).toContain(`  ${name}:`);
});

it("a file that names a limit that there is not, or gives a number that is none, is refused with the line", () => {
  const of = (text: string) => parseYaml({ file: "limits.yaml", text }, LimitsFile);
  for (const text of [
    "limits:\n  socket_per_user: 3\n",
    "limits:\n  sockets_per_user: 0\n",
    "limits:\n  turns_per_user: { rate: -1 }\n",
    "limits:\n  turns_per_user: 5\n",
    "quotas:\n  tokens_per_user: {}\n",
    "quotas:\n  money_per_user: { per_day: -1 }\n",
  ]) {
    const parsed = of(text);
    expect(parsed.ok ? [] : parsed.problems, text).toEqual([expect.stringMatching(/limits\.yaml:2/)]);
  }
  const part = of("limits:\n  turns_per_user: { rate: 5 }\n");
  expect(part.ok && part.value.limits.turns_per_user).toEqual({ rate: 5, burst: 60 });
});
