import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { injectionCases } from "./cases.ts";
import { injectionResults, injectionTable } from "./report.ts";

describe("texts of documents and tools that speak in somebody else's voice", () => {
  it("are at least forty, each with a name of its own", () => {
    expect(injectionCases.length).toBeGreaterThanOrEqual(40);
    const names = injectionCases.map(({ kind, name }) => `${kind}: ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(injectionResults())("$kind: $name", ({ staysInside, isStopped }) => {
    expect(staysInside).toBe(true);
    expect(isStopped).not.toBe(false);
  });

  it("are seen where nothing is done about them", () => {
    const [naive] = injectionResults([{ name: "x", kind: "closing mark", text: "fine" }]);
    expect(naive?.staysInside).toBe(true);
    const call = { name: "k8s_list_pods", arguments: "{}" };
    const [allowed] = injectionResults([{ name: "x", kind: "tool request", text: "", call }]);
    expect(allowed?.isStopped).toBe(false);
    const [own] = injectionResults([
      { name: "x", kind: "exfiltration", text: "", obeyed: "[a](https://docs.example.com/b)" },
    ]);
    expect(own?.isStopped).toBe(false);
  });

  it("are reported as docs/guards.md says", () => {
    const page = readFileSync(new URL("../../../docs/guards.md", import.meta.url), "utf8");
    expect(page).toContain(injectionTable());
  });
});
