import { test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";
test("look", async () => {
  await using web = await openWeb();

  const chat = chatOn(web.page);
  await chat.composer.waitFor();
  await web.page.screenshot({ path: "/tmp/browser/1.png" });
  await chat.send("list all pods");
  await web.page.waitForTimeout(4000);
  await web.page.screenshot({ path: "/tmp/browser/2.png" });
  console.log(await web.page.locator("body").ariaSnapshot());
  console.log(web.page.url());
});
