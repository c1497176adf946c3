import { expect, test } from "vitest";
import { ApiError } from "../../src/api/api-error.ts";
import { createApi } from "../../src/api/api.ts";
import type { Request } from "../../src/api/http.ts";
import { errorSentence } from "../../src/api/use-api.ts";
import { appEn } from "../../src/words/app.en.ts";
import { german } from "../../src/words/german.ts";

function apiAnswering(answer: unknown) {
  const asked: [string, Request | undefined][] = [];
  const api = createApi(async (path, request) => {
    asked.push([path, request]);
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { api, asked };
}

const entry = { conversation_id: "c1", title: "One", updated_at: 1 };

test("lists a page, with what was searched for and where it goes on", async () => {
  const { api, asked } = apiAnswering({ conversations: [entry], next_cursor: "n" });
  const page = await api.listConversations({ cursor: "a b", q: "öl & pods" });
  expect(page).toEqual({ conversations: [entry], next_cursor: "n" });
  const [path] = asked[0]!;
  const query = new URL(path, "http://x").searchParams;
  expect(Object.fromEntries(query)).toEqual({ limit: "40", cursor: "a b", q: "öl & pods" });
});

test("passes over entries that it does not understand, and refuses an answer that is no list", async () => {
  const odd = [entry, { conversation_id: 7 }, null, "x", { ...entry, title: null }];
  expect((await apiAnswering({ conversations: odd }).api.listConversations()).conversations).toEqual([entry]);
  for (const answer of [undefined, null, [], "x", { conversations: {} }]) {
    await expect(apiAnswering(answer).api.listConversations()).rejects.toMatchObject({ code: "UNREADABLE" });
  }
});

test("ids are one part of a path, whatever they are made of", async () => {
  const { api, asked } = apiAnswering(undefined);
  await api.deleteConversation("../auth/sessions?x#y");
  expect(asked[0]).toEqual(["/api/v1/conversations/..%2Fauth%2Fsessions%3Fx%23y", { method: "DELETE" }]);
});

test("renames, and says under which title it is kept", async () => {
  const { api, asked } = apiAnswering({ conversation_id: "c1", title: "Kept" });
  expect(await api.renameConversation("c1", "Wanted\n")).toBe("Kept");
  expect(asked[0]).toEqual(["/api/v1/conversations/c1/title", { method: "PUT", body: { title: "Wanted\n" } }]);
});

test("an older server offers nothing to choose from; one that fails says so", async () => {
  const missing = new ApiError("no", { code: "NOT_FOUND", status: 404 });
  expect(await apiAnswering(missing).api.agents()).toMatchObject({ agents: [], models: [] });
  const failed = new ApiError("no", { code: "OVERLOADED", status: 503 });
  await expect(apiAnswering(failed).api.agents()).rejects.toBe(failed);
});

test("what is simulated is said only if the server says so", async () => {
  const said = { agents: [{ name: "general", description: "All." }], models: [], simulated: { model: true } };
  expect(await apiAnswering(said).api.agents()).toEqual({ ...said, simulated: { model: true, cluster: false } });
  expect((await apiAnswering({ ...said, simulated: "yes" }).api.agents()).simulated.model).toBe(false);
});

test("connections are those of the server; where to go on is an address of the web and nothing else", async () => {
  const tickets = { server: "tickets", connected: true, since: 7 };
  const listed = apiAnswering({ connections: [tickets, { server: 7 }, { ...tickets, since: "x" }] });
  expect(await listed.api.connections()).toEqual([tickets]);
  expect(await apiAnswering(new ApiError("no", { code: "NOT_FOUND", status: 404 })).api.connections()).toEqual([]);
  const begun = apiAnswering({ url: "https://login.example/authorize?a=b" });
  expect(await begun.api.connect("a/b")).toBe("https://login.example/authorize?a=b");
  expect(begun.asked).toEqual([["/api/v1/connections/a%2Fb", { method: "POST" }]]);
  for (const url of ["javascript:alert(1)", "", undefined, "data:text/html,x"])
    await expect(apiAnswering({ url }).api.connect("x")).rejects.toMatchObject({ code: "UNREADABLE" });
});

test("what is remembered is as the server says, and nothing of an older one", async () => {
  const fact = { id: "m_1", text: "Rows." };
  const there = apiAnswering({ enabled: true, facts: [fact, { id: 1 }, { ...fact, customer_id: 5 }] });
  expect(await there.api.memory()).toEqual({ enabled: true, facts: [fact] });
  await there.api.editFact("m/1", "Swims.");
  expect(there.asked[1]).toEqual(["/api/v1/memory/m%2F1", { method: "PUT", body: { text: "Swims." } }]);
  const older = apiAnswering(new ApiError("no", { code: "NOT_FOUND", status: 404 }));
  expect(await older.api.memory()).toBeUndefined();
  expect(await older.api.searchMessages("x")).toEqual([]);
  const hit = { conversation_id: "c1", title: "", turn_id: "t", excerpt: { text: "x", from: 0, to: 1 } };
  const found = apiAnswering({ hits: [hit, { ...hit, excerpt: undefined }, { ...hit, turn_id: undefined }] });
  expect(await found.api.searchMessages("x")).toEqual([hit]);
});

const english = { app: appEn, language: "en" as const };
const inGerman = { app: german.app, language: "de" as const };

test("errors are told in the person's language: the server's sentence in English, by its code in German", () => {
  const full = new ApiError("Eight messages wait.", { code: "QUEUE_FULL", status: 429 });
  expect(errorSentence(full, english)).toBe("Eight messages wait.");
  expect(errorSentence(full, inGerman)).toBe(german.app.codes["QUEUE_FULL"]);
  const newer = new ApiError("Something new.", { code: "CONSTRUCTOR", status: 400 });
  expect(errorSentence(newer, inGerman)).toBe("Something new.");
});

test("a fault of our own is no sentence for people", () => {
  expect(errorSentence(new TypeError("x is undefined"), english)).toBe(appEn.api.unreadable);
  expect(errorSentence("constructor", english)).toBe(appEn.api.unreadable);
});
