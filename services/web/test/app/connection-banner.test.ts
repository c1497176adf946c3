import { expect, test } from "vitest";
import { noticeOf } from "../../src/app/connection-banner.tsx";
import { appEn } from "../../src/words/app.en.ts";

const well = { name: "ready", code: 0, isOnline: true, isSlow: false, seconds: 0 };
const words = { app: appEn };

test("nothing is said of a connection that is well, or was begun a moment ago", () => {
  expect(noticeOf(well, words)).toBeUndefined();
  expect(noticeOf({ ...well, name: "idle" }, words)).toBeUndefined();
  expect(noticeOf({ ...well, name: "connecting" }, words)).toBeUndefined();
});

test("a lost connection counts down for eyes, and is one sentence for ears", () => {
  const notice = noticeOf({ ...well, name: "waiting", code: 1006, seconds: 7 }, words);
  expect(notice).toMatchObject({ action: "retry", text: "The connection was lost. Next try in 7 s." });
  expect(notice?.spoken).toBe(noticeOf({ ...well, name: "waiting", code: 1006, seconds: 3 }, words)?.spoken);
});

test("without a network there is nothing to try", () => {
  for (const name of ["ready", "waiting", "connecting"]) {
    const notice = noticeOf({ ...well, name, isOnline: false, seconds: 7 }, words);
    expect(notice?.text).toBe(appEn.connection.offline);
    expect(notice?.action).toBeUndefined();
  }
});

test.each([
  [4500, appEn.connection.closed],
  [4503, appEn.connection.blocked],
  [4504, appEn.connection.tooMany],
])("closed for good with %i says what to do", (code, text) => {
  expect(noticeOf({ ...well, name: "closed", code }, words)).toMatchObject({ text, action: "renew" });
});

test("a connection that takes long is said to be on its way", () => {
  expect(noticeOf({ ...well, name: "authenticating", isSlow: true }, words)?.text).toBe(appEn.connection.connecting);
});
