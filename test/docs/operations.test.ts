import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { scenarios } from "../chaos/scenarios/index.ts";

const root = path.resolve(import.meta.dirname, "../..");

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9_ -]/g, "")
    .replaceAll(" ", "-");
}

const page = read("docs/operations.md");
const faults = page.slice(page.indexOf("## Faults"), page.indexOf("## The janitor"));
const tried = [...faults.matchAll(/\| ([a-z-]+) \|$/gm)].map(([, name]) => name ?? "");

it("names for each fault a scenario that exists", () => {
  const known = scenarios.map(({ name }) => name);
  expect(tried.length).toBeGreaterThan(12);
  expect(tried.filter((name) => !known.includes(name))).toEqual([]);
});

it("has at least twenty scenarios", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(20);
});

it("has a section for each alert, and only for those", () => {
  const folder = "deploy/observability/prometheus/rules";
  const rules = readdirSync(path.join(root, folder)).map((file) => read(`${folder}/${file}`));
  const alerts = rules.flatMap((text) => [...text.matchAll(/^\s*- alert: /gm)]);
  const linked = rules.flatMap((text) => [...text.matchAll(/runbook_url: docs\/operations\.md#(\S+)/g)]);
  expect(linked).toHaveLength(alerts.length);
  const sections = [...page.matchAll(/^### (Alert: .+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
  expect(sections.toSorted()).toEqual(linked.map(([, anchor]) => anchor).toSorted());
});

it("says for each alert what to look at and what to do", () => {
  const sections = page.slice(page.indexOf("## Alerts")).split(/^### /m).slice(1);
  const short = sections.filter(
    (text) => !/^\* \*\*Look at\*\* .{20}/m.test(text) || !/^\* \*\*Do\*\* .{20}/m.test(text),
  );
  expect(short.map((text) => text.split("\n")[0])).toEqual([]);
});

const pages = ["docs/operations.md", "docs/troubleshooting.md", "docs/upgrading.md", "CHANGELOG.md"];

it.each(pages)("links of %s lead to a file and a heading", (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)];
  const broken = links.filter(([, target = "", anchor = ""]) => {
    const place = target === "" ? file : path.join(path.dirname(file), target);
    if (!existsSync(path.join(root, place))) return true;
    if (anchor === "") return false;
    return ![...read(place).matchAll(/^#+ (.+)$/gm)].some(([, heading = ""]) => anchorOf(heading) === anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

it.each(pages)("scripts, tests and metrics that %s names exist", (file) => {
  const named = [...read(file).matchAll(/(?:node |`)((?:scripts|test|libs|deploy)\/[\w./-]+\.(?:mjs|ts|yml))/g)];
  expect(named.map(([, name = ""]) => name).filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  const sources = [
    "services/edge",
    "services/agent-worker",
    "services/tool-worker",
    "libs/runtime",
    "libs/bus",
  ].flatMap((folder) =>
    readdirSync(path.join(root, folder, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => read(`${folder}/src/${name}`)),
  );
  const metrics = new Set([...read(file).matchAll(/parley_[a-z_]+[a-z]/g)].map(([name]) => name));
  expect([...metrics].filter((name) => !sources.some((text) => text.includes(name)))).toEqual([]);
});

it("names for each seed's symptom of the old troubleshooting page what is true here", () => {
  const text = read("docs/troubleshooting.md");
  for (const heading of ["## Connection refused", "## Authentication failed", "## No response after a message"])
    expect(text).toContain(heading);
});
