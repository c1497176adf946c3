import { expect, it } from "vitest";
import { createSessionCookie } from "../src/admission/session-cookie.ts";

const id = "a".repeat(43);
const secure = createSessionCookie("https://chat.example.org");
const plain = createSessionCookie("http://localhost:8000");

it("over https its name and attributes keep it to this host, TLS and the server", () => {
  expect(secure.write(id, 90_500)).toBe(
    `__Host-parley_session=${id}; Max-Age=90; Path=/; HttpOnly; SameSite=Lax; Secure`,
  );
  expect(secure.clear()).toBe("__Host-parley_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure");
});

it("without TLS, on this machine, it has neither", () => {
  expect(plain.write(id, 1_000)).toBe(`parley_session=${id}; Max-Age=1; Path=/; HttpOnly; SameSite=Lax`);
});

it.each([
  [`__Host-parley_session=${id}`, id],
  [`a=b; __Host-parley_session=${id}; c`, id],
  [`parley_session=${id}`, undefined],
  [`x__Host-parley_session=${id}`, undefined],
  ["__Host-parley_session=short", undefined],
  [`__Host-parley_session="${id}"`, undefined],
  // Whoever can set a second one must not choose.
  [`__Host-parley_session=${id}; __Host-parley_session=${"b".repeat(43)}`, undefined],
  ["", undefined],
])("in %o it is %o", (header, expected) => {
  expect(secure.read(header)).toBe(expected);
});

it.each([
  ["https://chat.example.org", "", true],
  ["", "same-origin", true],
  ["", "", false],
  ["", "none", false],
  ["", "same-site", false],
  ["", "cross-site", false],
  ["http://chat.example.org", "", false],
  ["https://chat.example.org:8443", "", false],
  ["https://evil.example.org", "same-origin", false],
  ["null", "same-origin", false],
])("a page of origin %o that the browser calls %o: %o", (origin, fetchSite, isOwn) => {
  expect(secure.isOwnPage({ origin, fetchSite })).toBe(isOwn);
});
