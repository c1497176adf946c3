import { describe, expect, it } from "vitest";
import { readManifest } from "../../../src/kubernetes/write/manifest.ts";

const configMap = (name: string, data = "{a: b}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: ${data}\n`;

const bomb = [
  "apiVersion: v1",
  "kind: ConfigMap",
  "metadata: {name: bomb}",
  'a: &a ["x","x","x","x","x","x","x","x","x"]',
  ...["b", "c", "d", "e", "f", "g"].map((name, at) => {
    const before = ["a", "b", "c", "d", "e", "f"][at] ?? "a";
    return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`;
  }),
].join("\n");

describe("a manifest", () => {
  it("is one object or several, as YAML or JSON", () => {
    expect(readManifest(`${configMap("one")}---\n---\n${configMap("two")}`).map(({ name }) => name)).toEqual([
      "one",
      "two",
    ]);
    const json = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    expect(readManifest(json)).toMatchObject([{ kind: "Namespace", name: "shop", namespace: undefined }]);
  });

  it("may be a list of objects", () => {
    const list = {
      apiVersion: "v1",
      kind: "List",
      items: [{ apiVersion: "v1", kind: "Pod", metadata: { name: "a" } }],
    };
    expect(readManifest(JSON.stringify(list))).toMatchObject([{ kind: "Pod", name: "a" }]);
  });

  it("says what kubectl takes it to say", () => {
    const [object] = readManifest(configMap("one", "{mode: 0644, text: 'yes', day: 2026-01-01, is: yes}"));
    expect(object?.object).toMatchObject({ data: { mode: 420, text: "yes", day: "2026-01-01", is: true } });
  });

  it.each([
    ["nothing in it", "# nothing\n", "is empty"],
    ["text in it", "hello", "is no object"],
    ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "line 1 lacks its metadata.name"],
    ["a generated name", "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n", "lacks its metadata.name"],
    ["no kind", "apiVersion: v1\nmetadata: {name: a}\n", "lacks its kind"],
    ["no metadata", "apiVersion: v1\nkind: Pod\n", "lacks its metadata"],
    ["a name that is a path", "apiVersion: v1\nkind: Pod\nmetadata: {name: ../a}\n", "metadata.name that is not valid"],
    ["a mistake in its YAML", "apiVersion: v1\nkind: [Pod\n", "cannot be read: line"],
    ["the same key twice", `${configMap("one")}kind: Pod\n`, "cannot be read: line 6"],
    ["the same object twice", `${configMap("one")}---\n${configMap("one")}`, "has ConfigMap one twice"],
    ["an alias bomb", bomb, "too many aliases"],
    ["a circle", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: &x [*x]\n", "is too deep|circle"],
    ["an alias without an anchor", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: *nope\n", "line|anchor"],
    ["too many objects", Array.from({ length: 21 }, (_, at) => configMap(`m${at}`)).join("---\n"), "more than 20"],
    ["too many bytes", configMap("one", `{a: "${"x".repeat(64 * 1024)}"}`), "larger than 64 KB"],
    [
      "a deep nest",
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: ${"[".repeat(200)}${"]".repeat(200)}\n`,
      "too deep",
    ],
  ])("with %s is refused", (_, text, says) => {
    expect(() => readManifest(text)).toThrow(new RegExp(says));
  });

  it("gives an object no foreign prototype", () => {
    const [object] = readManifest("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n__proto__: {polluted: yes}\n");
    expect(Object.getPrototypeOf(object?.object)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
  });
});
