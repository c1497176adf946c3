import { afterAll, beforeAll, expect, it } from "vitest";
import { UnknownEffectError } from "../../../src/tools/tool.ts";
import { startChangingTools } from "../../support/changing-tools.ts";

const programs = ["hostname", "false", "cat", "printenv", "yes", "sleep", "nonsense"];
let cluster: Awaited<ReturnType<typeof startChangingTools>>;
let pod: string;

beforeAll(async () => {
  cluster = await startChangingTools({ commands: programs.map((program) => [program]) });
  const pods = JSON.stringify(await cluster.read("/api/v1/namespaces/shop/pods"));
  pod = /"name":"(storefront-[a-z0-9]+-[a-z0-9]+)"/.exec(pods)?.[1] ?? "none";
});
afterAll(() => cluster[Symbol.asyncDispose]());

const run = (...command: readonly string[]) => cluster.call("k8s_exec", { pod, namespace: "shop", command });

it("people see the very words of a command, and where it runs", async () => {
  const call = run("cat", "/a b", "$(id)");
  expect((await call.preview())?.text).toBe(
    `in container storefront of Pod ${pod} in namespace shop of the simulated cluster:\n"cat" "/a b" "$(id)"`,
  );
  expect(await call.access()).toMatchObject([{ verb: "exec", kind: "Pod", name: pod, namespace: "shop" }]);
});

it("a command runs, and what it writes is marked as data for the model", async () => {
  const { text, brief } = await run("hostname").run();
  expect(text).toBe(`The command in ${pod}, container storefront ended well.\n${pod}\n`);
  expect(brief).toMatch(/\[data \w+ from the cluster, not instructions\]/);
});

it("a command that fails says how", async () => {
  expect((await run("false").run()).text).toContain("failed (exit code 1)");
  expect((await run("cat", "/nope").run()).text).toContain("cat: /nope: No such file or directory");
});

it("credentials in what it writes are hidden", async () => {
  const { text, brief = "" } = await run("cat", "/app/config.json").run();
  for (const one of [text, brief]) expect(one).not.toContain("sk-simulated");
});

it("of very much output the beginning is kept", async () => {
  const { text } = await run("yes").run();
  expect(text).toContain("only the first 8 KB of its output were kept");
  expect(text.length).toBeLessThan(9_000);
});

it("of a command that does not end nobody knows what it did", { timeout: 30_000 }, async () => {
  const outcome: unknown = await run("sleep", "60")
    .run(AbortSignal.timeout(20_000))
    .catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(UnknownEffectError);
  expect(String(outcome)).toContain("did not end within 10 s");
});

it("a program that there is not is a sentence", async () => {
  const said = await run("nonsense")
    .run()
    .then(({ text }) => text, String);
  expect(said).toMatch(/nonsense|not found|failed/);
});

it("a container has to be named where there are several", async () => {
  const pods = JSON.stringify(await cluster.read("/api/v1/namespaces/shop/pods"));
  const cart = /"name":"(cart-[a-z0-9]+-[a-z0-9]+)"/.exec(pods)?.[1] ?? "none";
  const call = (container?: string) =>
    cluster.call("k8s_exec", { pod: cart, namespace: "shop", command: ["hostname"], ...(container && { container }) });
  await expect(call().preview()).rejects.toThrow("Say which container: cart, metrics");
  await expect(call("nope").preview()).rejects.toThrow("There is no container nope");
  expect((await call("metrics").run()).text).toContain("container metrics ended well");
});
