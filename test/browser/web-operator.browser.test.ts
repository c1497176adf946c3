import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { chatOn, openWeb, somebody } from "./web-page.ts";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));

test("a person is asked for, comes, answers on the same page, and gives the conversation back", async () => {
  await mkdir(artefacts, { recursive: true });
  const name = somebody();
  await using user = await openWeb({ person: name });
  const chat = chatOn(user.page);
  await chat.send("hello");
  await chat.answered();
  await user.page.getByRole("button", { name: "Talk to a person" }).click();
  await user.page.getByText("A person was asked for. Until").waitFor();

  await using staff = await openWeb({ person: "Olga Operator", roles: ["operator"], path: "/operator" });
  const entry = staff.page.getByRole("article", { name });
  await entry.waitFor();
  await staff.page.screenshot({ path: `${artefacts}operator-queue.png` });
  await entry.getByRole("button", { name: "Take" }).click();
  await staff.page.getByText("You answer here, in place of the assistant.").waitFor();
  await user.page.getByText("Olga Operator answers here.").waitFor();

  await chatOn(user.page).send("My bill is wrong");
  await staff.page.getByText("My bill is wrong").last().waitFor();
  await chatOn(staff.page).send("Let me look at it.");
  await user.page.getByText("Let me look at it.").waitFor();
  await user.page.getByText("Olga Operator · Staff").waitFor();
  await staff.page.screenshot({ path: `${artefacts}operator-conversation.png` });
  await user.page.screenshot({ path: `${artefacts}operator-user.png` });

  // What the server says of a conversation that is no longer theirs.
  staff.expect(/status of 403/);
  await staff.page.getByRole("button", { name: "Give back to the assistant" }).click();
  await user.page.getByText("The assistant answers again.").waitFor();
  await staff.page.getByRole("heading", { name: "Waiting for a person" }).waitFor();
  await chat.send("hello again");
  await chat.answered();
  expect(await staff.page.getByText("hello again").count()).toBe(0);
});
