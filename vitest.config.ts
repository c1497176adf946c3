import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";

// Tests run the sources of the workspaces, not their builds: no build step between an edit and its test.
// Without `module`: what Node itself loads from node_modules must be what Node itself would choose.
const conditions = ["source", "node", "development|production"];

const builtOutput = ["**/node_modules/**", "**/dist/**", "**/.data/**"];
const processSetup = fileURLToPath(new URL("libs/testkit/src/global-setup.ts", import.meta.url));
const globalSetup = existsSync(processSetup) ? [processSetup] : [];

type Suite = {
  name: string;
  include: string[];
  exclude?: string[];
  timeoutMs: number;
  startsProcesses?: boolean;
};

function suite({ name, include, exclude = [], timeoutMs, startsProcesses = true }: Suite): TestProjectConfiguration {
  return {
    extends: true,
    test: {
      name,
      include,
      exclude: [...builtOutput, ...exclude],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      globalSetup: startsProcesses ? globalSetup : [],
    },
  };
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      suite({
        name: "unit",
        include: ["**/test/**/*.test.ts"],
        exclude: ["**/*.int.test.ts", "**/*.e2e.test.ts", "**/*.browser.test.ts", "**/*.chaos.test.ts"],
        timeoutMs: 10_000,
        startsProcesses: false,
      }),
      suite({ name: "integration", include: ["**/*.int.test.ts"], timeoutMs: 30_000 }),
      suite({ name: "e2e", include: ["test/e2e/**/*.e2e.test.ts"], timeoutMs: 60_000 }),
      suite({ name: "chaos", include: ["test/chaos/**/*.chaos.test.ts"], timeoutMs: 120_000 }),
      suite({ name: "late", include: ["test/late/**/*.late.test.ts"], timeoutMs: 60_000 }),
      suite({ name: "browser", include: ["test/browser/**/*.browser.test.ts"], timeoutMs: 60_000 }),
    ],
  },
});
