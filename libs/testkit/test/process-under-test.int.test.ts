import { startProcess } from "../src/process-under-test.ts";
import { expect, it } from "vitest";

function start(program: string, startDeadlineMs = 20_000) {
  const command = { command: process.execPath, args: ["-e", program], env: {}, cwd: process.cwd() };
  return startProcess({ name: "it", ...command, isReady: () => Promise.resolve(false), startDeadlineMs });
}

it("says of a process that is not ready what it wrote last, or that it wrote nothing", async () => {
  await expect(start("setInterval(() => {}, 1000)", 300)).rejects.toThrow(
    "it was not ready in 300 ms; it wrote nothing",
  );
  const talking = start("console.log('so far'); setInterval(() => {}, 1000)", 3_000);
  await expect(talking).rejects.toThrow("it was not ready in 3000 ms. Its last lines:\nso far");
});

it("says the same of one that ended before it was ready", async () => {
  await expect(start("process.exit(3)")).rejects.toThrow(
    "it ended (exit code 3) before it was ready; it wrote nothing",
  );
  await expect(start("console.log('why'); process.exit(3)")).rejects.toThrow(
    "it ended (exit code 3) before it was ready:\nwhy",
  );
});
