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
  // Neither of them can ask the agent for another answer now.
  const again = /^(Answer again|Edit and send again|Try again)$/;
  for (const { page } of [user, staff]) expect(await page.getByRole("button", { name: again }).count()).toBe(0);
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
  await user.page.getByRole("button", { name: "Answer again" }).first().waitFor();
  expect(await staff.page.getByText("hello again").count()).toBe(0);
});

test("who answers is told when the user wants the assistant back, and sees whose messages they are", async () => {
  const name = somebody();
  await using user = await openWeb({ person: name });
  await chatOn(user.page).send("hello");
  await chatOn(user.page).answered();
  await user.page.getByRole("button", { name: "Talk to a person" }).click();
  await using staff = await openWeb({ person: "Otto Operator", roles: ["operator"], path: "/operator" });
  await staff.page.getByRole("article", { name }).getByRole("button", { name: "Take" }).click();
  await staff.page.getByText("You answer here, in place of the assistant.").waitFor();

  // What is not theirs to do is not offered.
  expect(await staff.page.getByRole("article", { name, exact: true }).count()).toBe(2);
  expect(await chatOn(staff.page).questions.count()).toBe(0);
  const ofOwner = /^(Good answer|Bad answer)$|change the title$/;
  expect(await staff.page.getByRole("main").getByRole("button", { name: ofOwner }).count()).toBe(0);

  staff.expect(/status of 403/);
  await user.page.getByRole("button", { name: "Back to the assistant" }).click();
  await staff.page.getByText("You do not have this conversation any more").waitFor();
  expect(await chatOn(staff.page).composer.count()).toBe(0);
  expect(await staff.page.getByRole("button", { name: "Talk to a person" }).count()).toBe(0);
  await staff.page.getByRole("button", { name: "Who waits now" }).click();
  await staff.page.getByRole("heading", { name: "Waiting for a person" }).waitFor();
});
