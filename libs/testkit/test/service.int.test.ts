import { expect, test } from "vitest";
import { startService } from "@parley/testkit";

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

test("a service is ready once it has started, and keeps its port when it is started again", async () => {
  await using simulator = await startService("model-simulator");
  const url = `http://127.0.0.1:${simulator.port}/readyz`;
  expect(await status(url)).toBe(200);
  const before = simulator.pid;
  await simulator.restart();
  expect(simulator.pid).not.toBe(before);
  expect(await status(url)).toBe(200);
});

test("a service stops on SIGTERM with exit code 0", async () => {
  await using simulator = await startService("model-simulator");
  const { exited } = simulator;
  await simulator.stop();
  expect(await exited).toEqual({ code: 0, signal: null });
});

test("gives a service the environment asked for, and nothing of the caller's", async () => {
  process.env["OPENAI_API_KEY"] = "sk-of-the-developer";
  try {
    await using simulator = await startService("model-simulator", { LOG_LEVEL: "debug" });
    expect(simulator.env).toMatchObject({ LOG_LEVEL: "debug", HOST: "127.0.0.1", PORT: String(simulator.port) });
    expect(simulator.env).not.toHaveProperty("OPENAI_API_KEY");
  } finally {
    delete process.env["OPENAI_API_KEY"];
  }
});

test("shows what a service said when it does not start", async () => {
  const failing = startService("model-simulator", { LOG_LEVEL: "loud" });
  await expect(failing).rejects.toThrow(/model-simulator ended \(exit code 1\) before it was ready:\n[^]*LOG_LEVEL/);
});
