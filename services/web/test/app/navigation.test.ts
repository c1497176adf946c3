// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { createNavigation, routeOf } from "../../src/app/navigation.ts";

let made = 0;
const newId = () => `c_${++made}`;

beforeEach(() => {
  made = 0;
  history.replaceState(null, "", "/");
});

test.each([
  ["/", { name: "new", id: "x" }],
  ["/c/c_1-A", { name: "conversation", id: "c_1-A" }],
  ["/c/c_1/", { name: "conversation", id: "c_1" }],
  ["/c/c_1#turn-t1", { name: "conversation", id: "c_1", turn: "t1" }],
  ["/c/", { name: "unknown" }],
  ["/c/a.b", { name: "unknown" }],
  ["/c/a/b", { name: "unknown" }],
  [`/c/${"a".repeat(129)}`, { name: "unknown" }],
  ["/join/c_1.kJ-x_9", { name: "join", token: "c_1.kJ-x_9" }],
  ["/join/", { name: "unknown" }],
  ["/join/a/b", { name: "unknown" }],
  ["/approvals", { name: "approvals" }],
  ["/elsewhere", { name: "unknown" }],
])("%s leads to %o", (path, route) => {
  expect(routeOf(path, "x")).toEqual(route);
});

test("a new conversation gets its address with its first message, and stays the same one", () => {
  const navigation = createNavigation(window, newId);
  const { id } = navigation.read() as { id: string };
  navigation.begun(id);
  expect(location.pathname).toBe(`/c/${id}`);
  expect(navigation.read()).toEqual({ name: "conversation", id });
});

test("what was left meanwhile gets no address", () => {
  const navigation = createNavigation(window, newId);
  const { id } = navigation.read() as { id: string };
  navigation.go("/c/other");
  navigation.begun(id);
  expect(location.pathname).toBe("/c/other");
});

test("an address with a turn is found again by a reload, and other marks of the browser are none", () => {
  createNavigation(window, newId).go("/c/c_1#turn-t1");
  expect(createNavigation(window, newId).read()).toEqual({ name: "conversation", id: "c_1", turn: "t1" });
  history.replaceState(null, "", "/c/c_1#conversation");
  expect(createNavigation(window, newId).read()).toEqual({ name: "conversation", id: "c_1" });
});

test("each new conversation has another id", () => {
  const navigation = createNavigation(window, newId);
  const first = navigation.read();
  navigation.go("/");
  expect(navigation.read()).not.toEqual(first);
  expect(navigation.read().name).toBe("new");
});

test("a reload of / finds the same new conversation, whose draft is kept", () => {
  const before = createNavigation(window, newId).read();
  expect(createNavigation(window, newId).read()).toEqual(before);
});

test("tells of the back button, and no longer when nobody listens", () => {
  const navigation = createNavigation(window, newId);
  const seen: string[] = [];
  const stop = navigation.subscribe(() => seen.push(navigation.read().name));
  navigation.go("/approvals");
  history.replaceState(null, "", "/c/before");
  window.dispatchEvent(new PopStateEvent("popstate"));
  stop();
  window.dispatchEvent(new PopStateEvent("popstate"));
  expect(seen).toEqual(["approvals", "conversation"]);
});
