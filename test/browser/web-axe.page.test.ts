import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { states } from "./web-states.ts";

for (const name of ["answer", "approval"]) {
  test(`axe finds nothing serious in the state ${name}, light and dark`, async () => {
    const state = states.find((each) => each.name === name);
    await using web = await state!.open({ colorScheme: "light" });
    expect(await seriousFindings(web.page)).toEqual([]);
    await web.page.emulateMedia({ colorScheme: "dark" });
    expect(await seriousFindings(web.page)).toEqual([]);
  });
}
