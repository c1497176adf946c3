import { eventually } from "@parley/testkit";
import { expect, test } from "vitest";
import { chatOn, numberedWords, openWeb, serverAway, storedMessages } from "./web-page.ts";

test("an answer is whole, and the stored one, when each edge is killed while it streams", async () => {
  await using web = await openWeb();
  web.expect(serverAway);
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=300 rate=40");
  await chat.answers.last().getByText("w9 ").waitFor();
  for (const edge of web.system.edges) {
    await edge.kill();
    const { length } = await chat.answers.last().innerText();
    await eventually(async () => (await chat.answers.last().innerText()).length > length, {
      what: "the answer to go on at the other edge",
    });
    await edge.restart();
  }
  const answer = await chat.answered();
  await answer.getByText("w299").waitFor();
  expect(await answer.innerText()).toContain(numberedWords(300));
  expect(await storedMessages(web)).toMatchObject([{}, { message: numberedWords(300), status: "complete" }]);
  await chat.connection.waitFor({ state: "hidden" });
});

test("says that the connection is away and until when, and tries at once when it is told to", async () => {
  await using web = await openWeb();
  web.expect(serverAway);
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=100 rate=30");
  await chat.answers.last().getByText("w9 ").waitFor();
  web.address.sever();
  await chat.connection.waitFor();
  const tryNow = web.page.getByRole("button", { name: "Try now" });
  await tryNow.waitFor({ timeout: 15_000 });
  expect(await chat.connection.innerText()).toMatch(/\d/);
  web.address.heal();
  await tryNow.click();
  await chat.connection.waitFor({ state: "hidden" });
  const answer = await chat.answered();
  await answer.getByText("w99").waitFor();
  expect(await answer.innerText()).toContain(numberedWords(100));
});

test("an answer is whole when its worker is killed in the middle of it", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=120 rate=40");
  await chat.answers.last().getByText("w9 ").waitFor();
  const [worker] = web.system.agentWorkers;
  await worker?.restart();
  const answer = await chat.answered();
  await answer.getByText("w119").waitFor();
  expect(await answer.innerText()).toContain(numberedWords(120));
  expect((await storedMessages(web)).at(-1)?.message).toBe(numberedWords(120));
});

test("a message that is sent without a network waits, and goes once when it is back", async () => {
  await using web = await openWeb();
  web.expect(serverAway);
  const chat = chatOn(web.page);
  await chat.send("hello");
  await chat.answered();
  await web.context.setOffline(true);
  await chat.connection.waitFor();
  await chat.send("said without a network");
  await chat.questions.filter({ hasText: "said without a network" }).waitFor();
  expect(await chat.composer.inputValue()).toBe("");
  await web.context.setOffline(false);
  await chat.connection.waitFor({ state: "hidden" });
  await chat.answered(2);
  const said = (await storedMessages(web)).filter(({ author }) => author.role === "user");
  expect(said.map(({ message }) => message)).toEqual(["hello", "said without a network"]);
  expect(await chat.questions.count()).toBe(2);
});

test("a message that is sent without a network outlives a reload", async () => {
  await using web = await openWeb();
  web.expect(serverAway);
  const chat = chatOn(web.page);
  await chat.send("hello");
  await chat.answered();
  web.address.sever();
  await chat.connection.waitFor();
  await chat.send("said before the reload");
  await chat.questions.filter({ hasText: "said before the reload" }).waitFor();
  web.address.heal();
  await web.page.reload();
  await chat.questions.filter({ hasText: "said before the reload" }).waitFor();
  await chat.answered(2);
  expect((await storedMessages(web)).filter(({ message }) => message === "said before the reload")).toHaveLength(1);
});
