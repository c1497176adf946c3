import { describe, expect, test } from "vitest";
import type { Access } from "../../src/tools/access.ts";
import { PolicyFile } from "../../src/policy/policy-file.ts";
import { decide, type Question } from "../../src/policy/verdict.ts";

type Given = Parameters<typeof PolicyFile.parse>[0];
const verdictOn = (file: Given, question: Question) => decide(PolicyFile.parse(file), question);

/** What a tool does to a cluster: `verb kind [namespace/]name @cluster`, as an access has it. */
function touching(text: string): Access {
  const [verb = "", kindAndGroup = "", place = "", cluster = "prod"] = text.split(" ");
  const [kind = "", group = ""] = kindAndGroup.split("|");
  const [one, other] = place === "-" ? [] : place.split("/");
  const where =
    other === undefined ? { ...(one ? { name: one } : {}) } : { namespace: one, ...(other && { name: other }) };
  return { system: "kubernetes", verb, cluster, group, kind, ...where } as Access;
}

function question(effect: "read" | "write", accesses: readonly string[], more: Partial<Question> = {}): Question {
  const tool = effect === "read" ? "k8s_get_resource" : "k8s_patch";
  return { tool, effect, roles: ["sre"], access: accesses.map(touching), asksByItself: effect === "write", ...more };
}

describe("without rules", () => {
  test.each<[string, "read" | "write", string[], string]>([
    ["reading a pod", "read", ["get Pod shop/web-1"], "allow"],
    ["reading all pods of the cluster", "read", ["list Pod -"], "allow"],
    ["reading what the system runs", "read", ["get Pod kube-system/coredns"], "allow"],
    ["reading a secret", "read", ["get Secret shop/db"], "deny"],
    ["listing secrets", "read", ["list Secret shop/"], "deny"],
    ["a secret among other things", "read", ["get Pod shop/web", "get Secret shop/db"], "deny"],
    ["a kind of another group by that name", "read", ["get Secret|vault.example.com shop/db"], "allow"],
    ["writing a secret", "write", ["patch Secret shop/db"], "deny"],
    ["scaling", "write", ["scale Deployment|apps shop/web"], "approve"],
    ["creating a namespace", "write", ["create Namespace shop"], "approve"],
    ["cordoning a node", "write", ["patch Node node-1"], "approve"],
    ["deleting a pod", "write", ["delete Pod shop/web-1"], "confirm"],
    ["deleting one thing and changing another", "write", ["patch Pod shop/web-1", "delete Pod shop/web-2"], "confirm"],
    ["deleting in capitals", "write", ["DELETE Pod shop/web-1"], "confirm"],
    ["deleting many", "write", ["deletecollection Pod shop/"], "confirm"],
    ["a command in a container", "write", ["exec Pod shop/web-1"], "confirm"],
    ["giving rights", "write", ["create RoleBinding|rbac.authorization.k8s.io shop/x"], "confirm"],
    ["a webhook", "write", ["patch ValidatingWebhookConfiguration|admissionregistration.k8s.io x"], "confirm"],
    ["deleting a namespace", "write", ["delete Namespace shop"], "deny"],
    ["deleting a namespace as nobody writes it", "write", ["delete namespace shop"], "deny"],
    ["deleting a node", "write", ["delete Node node-1"], "deny"],
    ["deleting a volume", "write", ["delete PersistentVolume pv-1"], "deny"],
    ["deleting rights", "write", ["delete ClusterRoleBinding|rbac.authorization.k8s.io x"], "deny"],
    ["changing what the system runs", "write", ["patch Deployment|apps kube-system/coredns"], "deny"],
    ["changing the system's namespace itself", "write", ["patch Namespace kube-system"], "deny"],
    [
      "changing one thing of ours and one of the system",
      "write",
      ["patch Pod shop/a", "patch Pod kube-system/b"],
      "deny",
    ],
    ["deleting in all namespaces", "write", ["deletecollection Pod -"], "deny"],
  ])("%s", (_, effect, accesses, decision) => {
    expect(verdictOn({}, question(effect, accesses)).decision).toBe(decision);
  });

  test.each<[string, Partial<Question>, string]>([
    ["one that changes something and asks", { asksByItself: true }, "approve"],
    ["one that changes something and does not ask: its author has decided", { asksByItself: false }, "allow"],
    ["one that reads", { effect: "read", asksByItself: false }, "allow"],
    ["one that reads and asks", { effect: "read", asksByItself: true }, "approve"],
    ["one that says that it touches nothing", { access: [], asksByItself: false }, "approve"],
  ])("a tool that does not say what it touches: %s", (_, more, decision) => {
    expect(verdictOn({}, question("write", [], { access: undefined, ...more })).decision).toBe(decision);
  });

  test.each(["mcp:files", "http:billing"])(
    "a change of %s, of which no rule knows anything, is asked about",
    (system) => {
      const access = [{ system, verb: system.startsWith("mcp") ? "call" : "post" }];
      expect(verdictOn({}, question("write", [], { access, asksByItself: false })).decision).toBe("approve");
    },
  );

  test("what has to be typed is the name of what is touched, else where it is, else the tool's", () => {
    const typed = (access: string) => verdictOn({}, question("write", [access])).typed;
    expect(typed("delete Pod shop/web-1")).toBe("web-1");
    expect(typed("deletecollection Pod shop/")).toBe("shop");
    expect(typed("exec Thing -")).toBe("k8s_patch");
  });
});

describe("rules", () => {
  const scale = question("write", ["scale Deployment|apps team-a/web"]);
  const rule = (match: object, verdict = "deny") => ({ rules: [{ ...match, verdict } as never] });

  test.each<[string, object, boolean]>([
    ["the tool", { tool: "k8s_patch" }, true],
    ["a pattern of tools", { tool: "k8s_*" }, true],
    ["one of several", { tool: ["x", "*_patch"] }, true],
    ["another tool", { tool: "k8s_pat" }, false],
    ["the effect", { effect: "write" }, true],
    ["the other effect", { effect: "read" }, false],
    ["the system", { system: "kubernetes" }, true],
    ["the cluster", { cluster: "prod" }, true],
    ["another cluster", { cluster: "staging" }, false],
    ["the verb", { verb: ["patch", "scale"] }, true],
    ["the group", { group: "apps" }, true],
    ["the core group", { group: "" }, false],
    ["the kind, whatever its letters", { kind: "deployment" }, true],
    ["a namespace by its end", { namespace: "*-a" }, true],
    ["a namespace by its middle", { namespace: "t*m*a" }, true],
    ["a pattern whose pieces overlap", { namespace: "team-a*-a" }, false],
    ["the name", { name: "web" }, true],
    ["a role of whoever asks", { role: "sre" }, true],
    ["a role that they do not have", { role: "guest" }, false],
    ["all that is said", { tool: "k8s_patch", namespace: "team-a", role: "sre" }, true],
    ["all but one", { tool: "k8s_patch", namespace: "team-b", role: "sre" }, false],
    ["nothing: it fits everything", {}, true],
  ])("fit by %s", (_, match, fits) => {
    expect(verdictOn(rule(match), scale).decision).toBe(fits ? "deny" : "approve");
  });

  test("the first that fits counts, and says which it was and why", () => {
    const rules = [
      { namespace: "team-b", verdict: "deny" as const },
      { namespace: "team-*", verdict: "allow" as const, reason: "Teams look after theirs." },
      { verdict: "deny" as const },
    ];
    expect(verdictOn({ rules }, scale)).toMatchObject({
      decision: "allow",
      by: "rule 2",
      reason: "Teams look after theirs.",
    });
  });

  test.each(["allow", "approve", "confirm", "deny"])(
    "of what a call does the strictest counts: %s and what is beside it",
    (verdict) => {
      const two = question("write", ["scale Deployment|apps team-a/web", "scale Deployment|apps team-b/web"]);
      const rules = [{ namespace: "team-b", verdict } as never, { namespace: "team-a", verdict: "approve" as const }];
      expect(verdictOn({ rules }, two).decision).toBe(verdict === "allow" ? "approve" : verdict);
    },
  );

  test("who lists all namespaces also reads those that a rule keeps from them; what one may is not what all may", () => {
    const all = question("read", ["list Pod -"]);
    expect(verdictOn(rule({ namespace: "payments" }), all).decision).toBe("deny");
    expect(verdictOn({ rules: [{ namespace: "payments", verdict: "allow" }, { verdict: "deny" }] }, all).decision).toBe(
      "deny",
    );
    const marked = { ...touching("get Pod -"), namespace: "*" };
    expect(verdictOn(rule({ namespace: "payments" }), question("read", [], { access: [marked] })).decision).toBe(
      "deny",
    );
    expect(verdictOn(rule({ namespace: "payments" }), question("read", ["list Node -"])).decision).toBe("allow");
  });

  test("a rule of a namespace is also about that namespace itself", () => {
    expect(verdictOn(rule({ namespace: "team-a" }), question("write", ["patch Namespace team-a"])).decision).toBe(
      "deny",
    );
  });

  test("no rule makes a tool run unasked that asks about each call and does not say what it touches", () => {
    const unknown = question("write", [], { access: undefined });
    expect(verdictOn(rule({}, "allow"), unknown).decision).toBe("approve");
    expect(verdictOn(rule({}, "allow"), { ...unknown, asksByItself: false }).decision).toBe("allow");
    expect(verdictOn(rule({}, "deny"), unknown).decision).toBe("deny");
  });

  test("a rule can open secrets", () => {
    expect(
      verdictOn(rule({ kind: "Secret", role: "sre" }, "approve"), question("read", ["get Secret shop/db"])).decision,
    ).toBe("approve");
  });
});

describe("fences", () => {
  const rules = [{ verdict: "allow" as const }];

  test.each<[string, Given, string, string]>([
    ["nothing may be changed", { read_only: true, rules }, "scale Deployment shop/web", "deny"],
    [
      "a namespace is protected",
      { protected: { namespaces: ["prod-*"] }, rules },
      "scale Deployment prod-eu/web",
      "deny",
    ],
    ["no namespace is", { protected: { namespaces: [] }, rules }, "patch Pod kube-system/x", "allow"],
    ["a name is protected", { protected: { names: "pay*" }, rules }, "scale Deployment shop/payments", "deny"],
    ["a name in its place is", { protected: { names: ["shop/db"] }, rules }, "patch StatefulSet shop/db", "deny"],
    ["the name elsewhere is not", { protected: { names: ["shop/db"] }, rules }, "patch StatefulSet test/db", "allow"],
    ["a kind is protected", { protected: { kinds: ["Ingress"] }, rules }, "patch Ingress shop/web", "deny"],
    [
      "a kind is never deleted",
      { protected: { never_deleted: ["StatefulSet"] }, rules },
      "delete StatefulSet shop/db",
      "deny",
    ],
    [
      "it may be changed",
      { protected: { never_deleted: ["StatefulSet"] }, rules },
      "patch StatefulSet shop/db",
      "allow",
    ],
    ["changes are only suggested", { suggest_only: true, rules }, "scale Deployment shop/web", "suggest"],
    [
      "suggested, and nothing may be changed",
      { suggest_only: true, read_only: true, rules },
      "scale Deployment shop/web",
      "suggest",
    ],
    [
      "what is denied is not suggested",
      { suggest_only: true, rules: [{ verdict: "deny" }] },
      "scale Deployment shop/web",
      "deny",
    ],
    ["what is protected is not suggested", { suggest_only: true, rules }, "scale Deployment kube-system/web", "deny"],
  ])("no rule opens them: %s", (_, file, access, decision) => {
    expect(verdictOn(file, question("write", [access])).decision).toBe(decision);
  });

  test.each<[string, Given]>([
    ["read_only", { read_only: true }],
    ["suggest_only", { suggest_only: true }],
    ["protected", { protected: { namespaces: ["shop"], kinds: ["Pod"], names: ["web"] } }],
  ])("%s is no matter to reading", (_, file) => {
    expect(verdictOn(file, question("read", ["get Pod shop/web"])).decision).toBe("allow");
  });
});

describe("four eyes", () => {
  const four_eyes = [{ cluster: "prod", namespace: "shop" }];

  test.each<[string, Given, "read" | "write", string, string, boolean]>([
    ["a change", { four_eyes }, "write", "scale Deployment shop/web", "approve", true],
    ["a change elsewhere", { four_eyes }, "write", "scale Deployment team-a/web", "approve", false],
    ["a change on another cluster", { four_eyes }, "write", "scale Deployment shop/web staging", "approve", false],
    [
      "a change that a rule allows: the stricter counts",
      { four_eyes, rules: [{ verdict: "allow" }] },
      "write",
      "scale Deployment shop/web",
      "approve",
      true,
    ],
    ["deleting: its name is typed as well", { four_eyes }, "write", "delete Pod shop/web", "confirm", true],
    ["reading", { four_eyes }, "read", "get Pod shop/web", "allow", false],
    [
      "reading that is asked about",
      { four_eyes, rules: [{ verdict: "approve" }] },
      "read",
      "get Pod shop/web",
      "approve",
      true,
    ],
    [
      "what is denied",
      { four_eyes, rules: [{ verdict: "deny" }] },
      "write",
      "scale Deployment shop/web",
      "deny",
      false,
    ],
    [
      "deleting everywhere",
      { four_eyes, protected: { namespaces: [] } },
      "write",
      "deletecollection Pod -",
      "confirm",
      true,
    ],
  ])("%s", (_, file, effect, access, decision, fourEyes) => {
    expect(verdictOn(file, question(effect, [access]))).toMatchObject({ decision, fourEyes });
  });

  test("hold for a call if they hold for a part of it", () => {
    const two = question("write", ["delete Pod team-a/web", "scale Deployment shop/web"]);
    expect(verdictOn({ four_eyes }, two)).toMatchObject({ decision: "confirm", fourEyes: true });
  });
});

describe("to agree to calls like one another", () => {
  const file = { like: { minutes: 10 } };
  const scopeOf = (access: string[], more: Partial<Question> = {}) =>
    verdictOn(file, question("write", access, more)).like?.scope;
  const one = ["scale Deployment|apps shop/web"];

  test("is offered for as long as the file says, where a person agrees", () => {
    expect(verdictOn(file, question("write", one)).like).toMatchObject({ mostMs: 600_000 });
    expect(verdictOn({}, question("write", one)).like).toBeUndefined();
  });

  test.each<[string, Given, string[], Partial<Question>]>([
    ["for deleting", { ...file, rules: [{ verdict: "approve" }] }, ["delete Pod shop/web"], {}],
    [
      "for deleting beside something else",
      { ...file, rules: [{ verdict: "approve" }] },
      [...one, "delete Pod shop/web"],
      {},
    ],
    ["for commands in containers", { ...file, rules: [{ verdict: "approve" }] }, ["exec Pod shop/web"], {}],
    ["where the name has to be typed", { ...file, rules: [{ verdict: "confirm" }] }, one, {}],
    ["where two have to agree", { ...file, four_eyes: [{ namespace: "shop" }] }, one, {}],
    ["where nobody is asked", { ...file, rules: [{ verdict: "allow" }] }, one, {}],
    ["where nobody knows what is touched", file, [], { access: undefined }],
    ["where nothing is said to be touched", file, [], {}],
  ])("is not offered %s", (_, given, access, more) => {
    expect(verdictOn(given, question("write", access, more)).like).toBeUndefined();
  });

  test("alike are calls of one tool on objects of one kind in one place, in whatever order", () => {
    expect(scopeOf(["scale Deployment|apps shop/api"])).toBe(scopeOf(one));
    expect(scopeOf(["scale Deployment|apps shop/a", "patch Pod shop/b"])).toBe(
      scopeOf(["patch Pod shop/c", "scale Deployment|apps shop/d", "patch Pod shop/e"]),
    );
  });

  test.each<[string, string[], Partial<Question>]>([
    ["namespace", ["scale Deployment|apps test/web"], {}],
    ["kind", ["scale StatefulSet|apps shop/web"], {}],
    ["group", ["scale Deployment shop/web"], {}],
    ["verb", ["patch Deployment|apps shop/web"], {}],
    ["cluster", ["scale Deployment|apps shop/web staging"], {}],
    ["tool", one, { tool: "k8s_scale" }],
    ["thing beside it", [...one, "scale Deployment|apps test/web"], {}],
  ])("another %s is not alike", (_, access, more) => {
    expect(scopeOf(access, more)).not.toBe(scopeOf(one));
  });
});

test.each([0, 1, 2, 3, 4])("a pattern with %i stars takes no time, however it does not fit", (stars) => {
  const namespace = `${"a*".repeat(stars)}b`;
  const startedAt = performance.now();
  verdictOn({ rules: [{ namespace, verdict: "deny" }] }, question("write", [`patch Pod ${"a".repeat(253)}/x`]));
  expect(performance.now() - startedAt).toBeLessThan(50);
});
