import { writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readKubeconfig } from "../../src/kubernetes/kubeconfig.ts";

interface Entry {
  readonly server: string;
  readonly token: string;
  readonly namespace?: string;
}

/** A kubeconfig whose context, cluster and user have one name. */
function kubeconfig(entries: Record<string, Entry>, current?: string): string {
  const all = Object.entries(entries);
  return JSON.stringify({
    ...(current === undefined ? {} : { "current-context": current }),
    clusters: all.map(([name, { server }]) => ({ name, cluster: { server } })),
    users: all.map(([name, { token }]) => ({ name, user: { token } })),
    contexts: all.map(([name, { namespace }]) => ({ name, context: { cluster: name, user: name, namespace } })),
  });
}

// What kubectl 1.32 makes of the same files was looked at with `kubectl config view --minify --raw`.
describe("KUBECONFIG", () => {
  let folder: TempDir;

  beforeEach(async () => {
    folder = await tempDir();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const at = (name: string): string => path.join(folder.path, name);
  const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);
  const read = (...names: string[]) => readKubeconfig(names.map((name) => (name === "" ? "" : at(name))).join(":"), {});
  const chosen = (...names: string[]) => {
    const config = read(...names)?.config;
    return {
      context: config?.getCurrentContext(),
      server: config?.getCurrentCluster()?.server,
      token: config?.getCurrentUser()?.token,
    };
  };
  const a = { server: "https://a", token: "a" };
  const b = { server: "https://b", token: "b" };

  it("skips files that are not there, empty paths and empty files", async () => {
    await write("empty", "");
    await write("comment", "# nothing\n---\n");
    await write("one", kubeconfig({ a }, "a"));
    for (const files of [
      ["missing", "one"],
      ["one", "missing"],
      ["", "one", ""],
      ["empty", "comment", "one"],
    ]) {
      expect(chosen(...files)).toEqual({ context: "a", ...a });
    }
  });

  it("takes the first entry of each name, and the current context of the first file that has one", async () => {
    await write("first", kubeconfig({ a }));
    await write("second", kubeconfig({ a: b, b }, "b"));
    await write("third", kubeconfig({ c: a }, "c"));
    expect(chosen("first", "second", "third")).toEqual({ context: "b", ...b });
    await write("fourth", kubeconfig({ d: b }, "a"));
    expect(chosen("first", "fourth", "second")).toEqual({ context: "a", ...a });
    expect(chosen("second", "first")).toEqual({ context: "b", ...b });
  });

  it("may name a file twice", async () => {
    await write("one", kubeconfig({ a }, "a"));
    expect(chosen("one", "one", "missing", "one")).toEqual({ context: "a", ...a });
  });

  it("may have entries that are not whole, as long as they are not used", async () => {
    const whole: unknown = JSON.parse(kubeconfig({ a }, "a"));
    const { clusters, users, contexts } = whole as Record<string, object[]>;
    const broken = {
      clusters: [...(clusters ?? []), { name: "x", cluster: {} }],
      users,
      contexts: [...(contexts ?? []), { name: "y" }],
    };
    await write("one", JSON.stringify({ "current-context": "a", ...broken }));
    expect(chosen("one")).toEqual({ context: "a", ...a });
  });

  it("finds files from where each kubeconfig is", async () => {
    await write("one", kubeconfig({ a }, "a").replace('"server"', '"certificate-authority":"ca.crt","server"'));
    expect(read("missing", "one")?.config.getCurrentCluster()?.caFile).toBe(at("ca.crt"));
  });

  it("is as if it were not set when no file is there", () => {
    expect(read("missing", "gone")).toBeUndefined();
    expect(read("")).toBeUndefined();
  });

  it.each([
    ["an unknown context", [kubeconfig({ a, b }, "c")], /has no context "c", its current one; there are "a", "b"\.$/],
    ["no current context", [kubeconfig({ a, b })], /names no current context; there are "a", "b"\.$/],
    ["nothing in it", [""], /names no current context; it has none\.$/],
    ["text that is no kubeconfig", ["just text"], /names no current context; it has none\.$/],
    [
      "two entries of one name in one file",
      ['{"users":[{"name":"a"},{"name":"a"}]}'],
      /has two entries of the name "a"\.$/,
    ],
    [
      "a cluster that is not there",
      [kubeconfig({ a }, "a").replace('"cluster":"a"', '"cluster":"z"')],
      /has no cluster "z"/,
    ],
    [
      "what is not YAML beside what is",
      [kubeconfig({ a }, "a"), "token: {hunter2"],
      /one1 cannot be read: it is not YAML \([^)]*\)/,
    ],
  ])("of %s stops the start with a sentence", async (_, texts, expected) => {
    for (const [index, text] of texts.entries()) await write(`one${index}`, text);
    const open = () => read(...texts.map((_text, index) => `one${index}`));
    expect(open).toThrow(expected);
    expect(open).not.toThrow("hunter2");
  });

  it("that is a folder stops the start with a sentence", async () => {
    expect(() => readKubeconfig(folder.path, {})).toThrow(/cannot be read \(EISDIR\)/);
  });

  it("whose context names a user that is not there reaches the cluster as nobody", async () => {
    await write("one", kubeconfig({ a }, "a").replace('"user":"a"', '"user":"nobody"'));
    expect(chosen("one")).toEqual({ context: "a", server: "https://a", token: undefined });
    expect(read("one")?.config.getCurrentUser()?.name).toBe("nobody");
  });
});
