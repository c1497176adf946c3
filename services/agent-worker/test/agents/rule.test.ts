import { expect, test } from "vitest";
import { parseRule } from "../../src/agents/rule.ts";

test.each([
  ["kubectl", "How do I use KUBECTL?", true],
  ["kubectl", "kubectl-neat is a plugin", true],
  ["kubectl", "mykubectl", false],
  ["kubectl", "kubectl2", false],
  ["oil change", "Is an oil\n change due?", true],
  ["oil change", "oil and change", false],
  ["c++", "is it written in C++?", true],
  ["c++", "ccc", false],
  ["prüfung", "Die Prüfung ist morgen", true],
  ["prüfung", "Überprüfung", false],
  ["/oom(killed)?/i", "It was OOMKilled", true],
  ["/oom/", "OOM", false],
  ["/a/b/", "a/b", true],
])("the rule %j matches %j: %s", (rule, message, matches) => {
  expect(parseRule(rule).test(message)).toBe(matches);
});

test("matches the same message again", () => {
  const rule = parseRule("/pod/i");
  expect([rule.test("a pod"), rule.test("a pod")]).toEqual([true, true]);
});

test.each(["/(/", "/a/g", "/a/y", "/a"])("refuses %j", (rule) => {
  expect(() => parseRule(rule)).toThrow(SyntaxError);
});
