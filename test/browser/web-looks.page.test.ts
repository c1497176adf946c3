import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { cut } from "./web-layout.ts";
import { states } from "./web-states.ts";

const artefacts = fileURLToPath(new URL("../artefacts/web/", import.meta.url));
const sizes = [
  { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  { viewport: { width: 768, height: 1024 }, hasTouch: true },
  { viewport: { width: 1280, height: 860 } },
];

for (const state of states) {
  for (const size of sizes) {
    const { width } = size.viewport;
    test(`the state ${state.name} is whole at ${width} px, light and dark, and axe finds nothing serious in it`, async () => {
      await mkdir(artefacts, { recursive: true });
      await using web = await state.open({ colorScheme: "light", ...size });
      const { page } = web;
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        // What fades has done so.
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${artefacts}${state.name}-${width}-${colorScheme}.png` });
        expect.soft(await seriousFindings(page), colorScheme).toEqual([]);
      }
      expect.soft(await cut(page)).toEqual([]);
    });
  }
}
