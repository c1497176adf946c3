import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { z } from "zod";

const Findings = z.array(
  z.object({
    id: z.string(),
    impact: z.string().nullish(),
    help: z.string(),
    nodes: z.array(z.object({ html: z.string(), failureSummary: z.string().optional() })),
  }),
);

const web = createRequire(new URL("../../services/web/package.json", import.meta.url));
let source: Promise<string> | undefined;

/** What is still fading has not the contrast that it will have. What turns without an end is no colour. */
const settled = `Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => undefined))).then(() => undefined)`;

/** What axe calls serious or critical on the page as it is, as sentences with the element. */
export async function seriousFindings(page: Page): Promise<string[]> {
  source ??= readFile(web.resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(await source);
  await page.evaluate(settled);
  const found: unknown = await page.evaluate(`axe
    .run(document, { resultTypes: ["violations"] })
    .then(({ violations }) => JSON.parse(JSON.stringify(violations)))`);
  return Findings.parse(found)
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help} at ${html.slice(0, 160)} (${failureSummary ?? ""})`),
    );
}
