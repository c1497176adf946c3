import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startService, tempDir } from "@parley/testkit";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../src/tools/tool.ts";
import { openTools, run } from "./support/mcp-server.ts";

const installed = (file: string): string => fileURLToPath(new URL(`../../../../node_modules/${file}`, import.meta.url));
const everything = installed("@modelcontextprotocol/server-everything/dist/index.js");
const filesystem = installed("@modelcontextprotocol/server-filesystem/dist/index.js");
/** The registry has it for this system only on some; it is an optional package. */
const kubernetes = installed("kubernetes-mcp-server-linux-amd64/bin/kubernetes-mcp-server-linux-amd64");

describe("the server that has everything", () => {
  it("offers its tools, answers, shows progress, and is asked for nothing that we do not do", async () => {
    const read_tools = [
      "echo",
      "get-sum",
      "get-tiny-image",
      "trigger-long-running-operation",
      "get-env",
      "get-structured-content",
    ];
    await using mcp = await openTools({
      every: { command: process.execPath, args: [everything, "stdio"], read_tools },
    });
    expect(await run(await mcp.offered("every_echo"), { message: "hello" })).toMatchObject({ text: "Echo: hello" });
    expect(await run(await mcp.offered("every_get-sum"), { a: "2", b: 3 })).toMatchObject({
      text: "The sum of 2 and 3 is 5.",
    });
    expect((await run(await mcp.offered("every_get-tiny-image"))).text).toContain("[image, image/png, ");
    const said: string[] = [];
    const long = await mcp.offered("every_trigger-long-running-operation");
    await run(long, { duration: 1, steps: 4 }, { progress: (text) => said.push(text) });
    expect(said).toContain("2 of 4");
    expect(long.prepare({ duration: "soon" })).toEqual({
      problem: expect.stringContaining("duration must be a number"),
    });
  });

  it("sees nothing of our environment", async () => {
    process.env["PARLEY_TEST_SECRET"] = "hunter2";
    await using mcp = await openTools({ every: { command: process.execPath, args: [everything, "stdio"] } });
    const { text } = await run(await mcp.offered("every_get-env"));
    delete process.env["PARLEY_TEST_SECRET"];
    expect(text).toContain("PATH");
    expect(text).not.toContain("hunter2");
  });

  it("is stopped when a call is cancelled, and goes on to answer", async () => {
    await using mcp = await openTools({ every: { command: process.execPath, args: [everything, "stdio"] } });
    const long = await mcp.offered("every_trigger-long-running-operation");
    const call = run(long, { duration: 30, steps: 30 }, { signal: AbortSignal.timeout(200) });
    await expect(call).rejects.toThrow();
    expect(await run(await mcp.offered("every_echo"), { message: "still here" })).toMatchObject({
      text: "Echo: still here",
    });
  });
});

describe("the server of files", () => {
  it("reads and writes within its folder, and nowhere else", async () => {
    await using folder = await tempDir();
    await writeFile(path.join(folder.path, "note.txt"), "Restart the ingress.");
    await using mcp = await openTools({
      files: { command: process.execPath, args: [filesystem, folder.path], read_tools: ["read_text_file"] },
    });
    const read = await mcp.offered("files_read_text_file");
    expect((await run(read, { path: path.join(folder.path, "note.txt") })).text).toContain("Restart the ingress.");
    await expect(run(read, { path: "/etc/passwd" })).rejects.toThrow(ToolError);
    const write = await mcp.offered("files_write_file");
    expect(write.definition).toMatchObject({ effect: "write", approval: "required" });
    await run(write, { path: path.join(folder.path, "new.txt"), content: "Done." });
    expect(await readFile(path.join(folder.path, "new.txt"), "utf8")).toBe("Done.");
  });
});

describe.runIf(existsSync(kubernetes))("the server of a cluster", () => {
  it("lists pods of the simulated cluster", async () => {
    await using folder = await tempDir();
    const kubeconfig = path.join(folder.path, "kubeconfig");
    await using _cluster = await startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig });
    await using mcp = await openTools({
      cluster: {
        command: kubernetes,
        args: ["--kubeconfig", kubeconfig, "--read-only"],
        env: { HOME: folder.path },
        read_tools: ["pods_list", "namespaces_list"],
      },
    });
    const { text } = await run(await mcp.offered("cluster_namespaces_list"));
    expect(text).toContain("kube-system");
    expect((await run(await mcp.offered("cluster_pods_list"))).text).toMatch(/Running|CrashLoopBackOff/);
  });
});
