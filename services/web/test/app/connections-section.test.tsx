// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import type { ConnectionEntry } from "../../src/api/answers.ts";
import { ApiError } from "../../src/api/api-error.ts";
import { ConnectionsSection } from "../../src/app/connections-section.tsx";
import { closeRendered, rendered } from "../message/rendered.tsx";

afterEach(closeRendered);

function serverWith(...entries: ConnectionEntry[]) {
  const state = { entries };
  return {
    state,
    answers: {
      connections: async () => state.entries,
      connect: async (server: string) => `https://login.example/authorize?for=${server}`,
      disconnect: async () => void (state.entries = state.entries.map(({ server }) => ({ server, connected: false }))),
    },
  };
}

test("where there is no server with accounts there is nothing to see", async () => {
  const page = await rendered(<ConnectionsSection />, serverWith().answers);
  expect(page.box.textContent).toBe("");
});

test("leads to where one allows it, by a link that tells nothing of this page, and sees when one comes back", async () => {
  const { state, answers } = serverWith({ server: "tickets", connected: false });
  const page = await rendered(<ConnectionsSection />, answers);
  await page.press("Connect your account at tickets");
  const link = page.find("a");
  expect([link.textContent, link.getAttribute("href"), link.getAttribute("rel"), link.getAttribute("target")]).toEqual([
    "Go on at tickets",
    "https://login.example/authorize?for=tickets",
    "noopener noreferrer",
    "_blank",
  ]);
  state.entries = [{ server: "tickets", connected: true, since: 1_790_000_000_000 }];
  await page.acting(() => globalThis.dispatchEvent(new Event("focus")));
  expect(page.box.querySelector("a")).toBeNull();
  expect(page.box.textContent).toContain("Connected since");
});

test("disconnects, and says so", async () => {
  const page = await rendered(<ConnectionsSection />, serverWith({ server: "tickets", connected: true }).answers);
  await page.press("Disconnect your account at tickets");
  expect(page.box.textContent).toContain("Not connected");
  expect(page.has("Connect")).toBe(true);
});

test("tells what went wrong in the server's words", async () => {
  const connect = () => Promise.reject(new ApiError("Try later.", { code: "AUTH_UNAVAILABLE", status: 503 }));
  const { answers } = serverWith({ server: "tickets", connected: false });
  const page = await rendered(<ConnectionsSection />, { ...answers, connect });
  await page.press("Connect your account at tickets");
  expect(page.find('[role="alert"]').textContent).toBe("That did not work: Try later.");
});
