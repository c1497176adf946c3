import { describe, expect, it } from "vitest";
import { Workload } from "../../src/kubernetes/cluster-objects.ts";
import { rolloutOf, type RolloutKind } from "../../src/kubernetes/rollout.ts";
import { templateDiff } from "../../src/kubernetes/template-diff.ts";
import { metadata } from "../support/cluster-objects.ts";
import { rowsOf, startObjectServer } from "../support/object-server.ts";

function workload(status: object, spec: object = {}, generation = 1) {
  return {
    metadata: metadata({ name: "web", uid: "u-1", generation }),
    spec: { replicas: 3, ...spec },
    status: { observedGeneration: 1, ...status },
  };
}

const done = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
const onDelete = { updateStrategy: { type: "OnDelete" } };
const partition = { updateStrategy: { rollingUpdate: { partition: 2 } } };

describe("a rollout", () => {
  it.each([
    ["Deployment", workload(done), "done", /3 of 3 pods are of the newest version/],
    ["Deployment", workload(done, {}, 2), "under way", /has not seen the newest version/],
    ["Deployment", workload({ ...done, updatedReplicas: 1 }), "under way", /1 of 3 pods are of the new version/],
    ["Deployment", workload({ ...done, replicas: 4 }), "under way", /1 old ones are left/],
    ["Deployment", workload({ ...done, availableReplicas: 2 }), "under way", /2 of them/],
    ["Deployment", workload({ ...done, updatedReplicas: 1 }, { paused: true }), "paused", /paused/],
    [
      "Deployment",
      workload({
        ...done,
        updatedReplicas: 1,
        conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
      }),
      "failed",
      /not got on in time/,
    ],
    [
      "Deployment",
      workload({ replicas: 0, updatedReplicas: 0, availableReplicas: 0 }, { replicas: 0 }),
      "done",
      /0 of 0/,
    ],
    [
      "StatefulSet",
      workload({ ...done, currentRevision: "a", updateRevision: "a" }),
      "done",
      /^3 of 3 pods are of the newest version/,
    ],
    [
      "StatefulSet",
      workload({ ...done, updatedReplicas: 1, currentRevision: "a", updateRevision: "b" }),
      "under way",
      /1 of 3 pods/,
    ],
    [
      "StatefulSet",
      workload({ ...done, readyReplicas: 2, currentRevision: "a", updateRevision: "a" }),
      "under way",
      /2 of 3 are ready/,
    ],
    ["StatefulSet", workload({ ...done, updatedReplicas: 1 }, partition), "done", /below ordinal 2 keep the old one/],
    ["StatefulSet", workload({ ...done, updatedReplicas: 1 }, onDelete), "paused", /OnDelete/],
    [
      "DaemonSet",
      workload({ desiredNumberScheduled: 5, updatedNumberScheduled: 5, numberAvailable: 5 }),
      "done",
      /5 of 5 nodes/,
    ],
    [
      "DaemonSet",
      workload({ desiredNumberScheduled: 5, updatedNumberScheduled: 2, numberAvailable: 5 }),
      "under way",
      /2 of 5 nodes/,
    ],
    ["DaemonSet", workload({ desiredNumberScheduled: 5, updatedNumberScheduled: 2 }, onDelete), "paused", /OnDelete/],
  ] as const)("of a %s is told (%#)", (kind: RolloutKind, object, state, words) => {
    const found = rolloutOf(kind, Workload.parse(object));
    expect(found.state).toBe(state);
    expect(found.words).toMatch(words);
  });
});

const WEB = "/apis/apps/v1/namespaces/shop/deployments/web";

describe("the tool that tells of rollouts", () => {
  it("waits for the end, and tells how far it is meanwhile", async () => {
    let asked = 0;
    await using server = await startObjectServer({
      [WEB]: () => workload(++asked < 3 ? { ...done, updatedReplicas: asked } : done),
    });
    const { text } = await server.call("k8s_rollout_status", { name: "web", waitSeconds: 30 });
    expect(text).toMatch(/^The rollout of Deployment web in namespace shop .* is done after \d s: 3 of 3 pods/);
    expect(asked).toBe(3);
  });

  it("says what is missing when the time is over, and where to look", async () => {
    const conditions = [
      { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", message: "ReplicaSet is progressing" },
    ];
    await using server = await startObjectServer({ [WEB]: workload({ ...done, updatedReplicas: 1, conditions }) });
    const { text } = await server.call("k8s_rollout_status", { name: "web", waitSeconds: 1 });
    expect(text).toMatch(
      /is under way after 1 s: .* k8s_analyze with kind Deployment and name web looks for the cause\.\nProgressing True ReplicaSetUpdated: ReplicaSet is progressing$/,
    );
  });

  it("does not wait for what will not come", async () => {
    await using server = await startObjectServer({
      [WEB]: workload({ ...done, updatedReplicas: 1 }, { paused: true }),
    });
    expect((await server.call("k8s_rollout_status", { name: "web", waitSeconds: 60 })).text).toContain(
      "is paused after 0 s",
    );
  });

  it("ends when the call is stopped", async () => {
    await using server = await startObjectServer({ [WEB]: workload({ ...done, updatedReplicas: 1 }) });
    const signal = AbortSignal.timeout(500);
    await expect(server.call("k8s_rollout_status", { name: "web", waitSeconds: 60 }, signal)).rejects.toThrow();
  });
});

const template = (image: string, env: object[] = []) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "app", image, env }] },
});

describe("the history of a workload", () => {
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "u-1", controller: true };
  const replicaSet = (revision: number, image: string, ownerReferences: object[] = [owner]) => {
    const { metadata: meta, spec } = template(image);
    return {
      metadata: metadata({
        name: `web-${revision}`,
        ownerReferences,
        annotations: {
          "deployment.kubernetes.io/revision": String(revision),
          "kubernetes.io/change-cause": `to ${image}`,
        },
      }),
      spec: { template: { metadata: { labels: { ...meta.labels, "pod-template-hash": `h${revision}` } }, spec } },
      status: { replicas: revision === 3 ? 2 : 0 },
    };
  };
  const paths = {
    [WEB]: { ...workload(done), spec: { template: template("web:3") } },
    "/apis/apps/v1/namespaces/shop/replicasets": [
      ...[replicaSet(2, "web:2"), replicaSet(3, "web:3"), replicaSet(1, "web:1")],
      ...[replicaSet(9, "other:1", [{ ...owner, name: "other" }]), replicaSet(8, "web:0", [{ ...owner, uid: "u-0" }])],
    ],
  };

  it("lists the revisions that it can go back to, and which one it is", async () => {
    await using server = await startObjectServer(paths);
    const rows = rowsOf(await server.call("k8s_rollout_history", { name: "web" }));
    expect(rows.map((cells) => [cells[0], cells[1], cells[3], cells[4], cells[5]])).toEqual([
      ["3", "current", "2", "app=web:3", "to web:3"],
      ["2", "-", "0", "app=web:2", "to web:2"],
      ["1", "-", "0", "app=web:1", "to web:1"],
    ]);
  });

  it("shows how a revision differs from what is wanted now", async () => {
    await using server = await startObjectServer(paths);
    const { text } = await server.call("k8s_rollout_history", { name: "web", revision: 1 });
    expect(text.split("\n").slice(1)).toEqual([
      '- spec.containers[app].image: "web:3"',
      '+ spec.containers[app].image: "web:1"',
    ]);
    expect((await server.call("k8s_rollout_history", { name: "web", revision: 3 })).text).toContain("is the same as");
    await expect(server.call("k8s_rollout_history", { name: "web", revision: 7 })).rejects.toThrow(
      "there are 3, 2, 1.",
    );
  });

  it("of a StatefulSet comes from its controller revisions", async () => {
    const kept = (revision: number, image: string) => ({
      metadata: metadata({ ownerReferences: [{ ...owner, kind: "StatefulSet" }] }),
      revision,
      data: { spec: { template: { $patch: "replace", ...template(image) } } },
    });
    await using server = await startObjectServer({
      "/apis/apps/v1/namespaces/shop/statefulsets/web": { ...workload(done), spec: { template: template("db:2") } },
      "/apis/apps/v1/namespaces/shop/controllerrevisions": [kept(1, "db:1"), kept(2, "db:2")],
    });
    const rows = rowsOf(await server.call("k8s_rollout_history", { kind: "StatefulSet", name: "web" }));
    expect(rows.map((cells) => [cells[0], cells[1], cells[4]])).toEqual([
      ["2", "current", "app=db:2"],
      ["1", "-", "app=db:1"],
    ]);
  });
});

describe("the difference of templates", () => {
  it.each([
    ["an added field", template("a"), { ...template("a"), extra: 1 }, ["+ extra: 1"]],
    [
      "a removed container",
      { spec: { containers: [{ name: "a" }, { name: "b" }] } },
      { spec: { containers: [{ name: "b" }] } },
      ['- spec.containers[a].name: "a"'],
    ],
    ["a list without names", { args: ["x", "y"] }, { args: ["x", "z"] }, ['- args[1]: "y"', '+ args[1]: "z"']],
    ["nothing", template("a"), template("a"), []],
    ["hashes of controllers", { labels: { "pod-template-hash": "1" } }, { labels: { "pod-template-hash": "2" } }, []],
  ])("by %s is told", (_, from, to, expected) => {
    expect(templateDiff(from, to)).toEqual(expected);
  });

  it("hides what is secret", () => {
    const lines = templateDiff(
      template("a", [{ name: "API_TOKEN", value: "one" }]),
      template("b", [{ name: "API_TOKEN", value: "second" }]),
    );
    expect(lines.join("\n")).not.toMatch(/one|second/);
  });
});
