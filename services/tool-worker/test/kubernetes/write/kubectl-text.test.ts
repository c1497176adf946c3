import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { kubectl, shellWord, withInput } from "../../../src/kubernetes/write/kubectl-text.ts";

test.each(["plain", "with blank", "it's", "$(reboot)", "`reboot`", "a;b&c|d", "new\nline", '"quoted"', "", "~", "*"])(
  "a shell takes the word %j as one word",
  (word) => {
    const said = execFileSync("/bin/sh", ["-c", `printf %s ${shellWord(word)}`]).toString();
    expect(said).toBe(word);
  },
);

test("the place comes before the command of exec", () => {
  expect(kubectl(["exec", "web", undefined, "--", "ls", "-l"], { namespace: "shop", context: "prod" })).toBe(
    "kubectl exec web --namespace shop --context prod -- ls -l",
  );
});

test("a text on standard input arrives whole, also one that ends it", () => {
  const text = "a: 1\nEOF\nb: $HOME\n";
  expect(execFileSync("/bin/sh", ["-c", withInput("cat", text)]).toString()).toBe(text);
});
