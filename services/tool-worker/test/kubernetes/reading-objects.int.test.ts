import path from "node:path";
import { eventually, type Service, startService, tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CallTool, openTools } from "../support/cluster-tools.ts";

describe("tools that read objects of any kind, with the simulated cluster,", () => {
  let folder: TempDir;
  let simulator: Service;
  let kubeconfig: string;
  let call: CallTool;

  beforeAll(async () => {
    folder = await tempDir();
    kubeconfig = path.join(folder.path, "kubeconfig");
    simulator = await startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig });
    // It may answer a moment before the file is there.
    call = await eventually(() => openTools(kubeconfig), { what: "the kubeconfig" });
  });

  afterAll(async () => {
    await simulator[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function textOf(name: string, args: Record<string, unknown> = {}): Promise<string> {
    return (await call(name, args)).text;
  }

  const shop = { namespace: "shop" };

  describe("list", () => {
    it("any kind with the columns that the server has for it", async () => {
      const [summary, header, ...rows] = (await textOf("k8s_list_resources", { kind: "deploy", ...shop })).split("\n");
      expect(summary).toBe("4 deployments in namespace shop of the simulated cluster.");
      expect(header).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE$/);
      expect(rows).toHaveLength(4);
    });

    it("one page after the other, and count all of them", async () => {
      const { text, truncated } = await call("k8s_list_resources", { kind: "svc", allNamespaces: true, limit: 5 });
      expect(text).toMatch(/^8 services in all namespaces/);
      expect(text).toMatch(/Shown 5 of 8; narrow with/);
      expect(truncated).toBe(true);
      const next = /continue: (\S+)$/.exec(text)?.[1];
      const rest = await textOf("k8s_list_resources", { kind: "svc", allNamespaces: true, limit: 5, continue: next });
      expect(rest.split("\n").slice(2)).toHaveLength(3);
      const names = [text, rest].flatMap((page) => page.split("\n").filter((line) => /ClusterIP/.test(line)));
      expect(new Set(names).size).toBe(8);
    });

    it("the columns that are asked for, by name and by path", async () => {
      const columns = ["status", ".spec.nodeName", ".spec.containers[*].image"];
      const [, header, row] = (await textOf("k8s_list_resources", { kind: "po", ...shop, columns })).split("\n");
      expect(header).toMatch(/^NAME +STATUS +\.SPEC\.NODENAME +\.SPEC\.CONTAINERS\[\*\]\.IMAGE$/);
      expect(row).toMatch(/^cart-\S+ +Running +simulated-node-1 +registry\.simulated\/shop\/cart:\S+,registry/);
      await expect(call("k8s_list_resources", { kind: "po", ...shop, columns: ["cpu"] })).rejects.toThrow(
        /There is no column "cpu"; there are Name, Ready, Status/,
      );
      await expect(call("k8s_list_resources", { kind: "po", columns: [".spec..x"] })).rejects.toThrow(
        "The path is not understood from",
      );
    });

    it("whole objects, without what only machines need", async () => {
      const text = await textOf("k8s_list_resources", { kind: "deployment", ...shop, output: "yaml" });
      expect(text.match(/^kind: Deployment$/gm)).toHaveLength(4);
      expect(text).toContain("value: '[hidden]'");
      for (const left of ["managedFields", "last-applied"]) expect(text).not.toContain(left);
      const json = await textOf("k8s_list_resources", { kind: "deployment", ...shop, output: "json" });
      const list: unknown = JSON.parse(json.slice(json.indexOf("\n")));
      expect(list).toHaveLength(4);
    });

    it("what is selected", async () => {
      expect(await textOf("k8s_list_resources", { kind: "pod", ...shop, labelSelector: "app=storefront" })).toMatch(
        /^3 pods/,
      );
      expect(await textOf("k8s_list_resources", { kind: "pod", ...shop, labelSelector: "app=none" })).toMatch(
        /^0 pods/,
      );
      expect(
        await textOf("k8s_list_resources", { kind: "pod", ...shop, fieldSelector: "status.phase=Pending" }),
      ).toMatch(/^1 pod in/);
    });

    it("nothing of a namespace that is not there, and nothing of a kind that is not there", async () => {
      await expect(call("k8s_list_resources", { kind: "pods", namespace: "nope" })).rejects.toThrow(
        "There is no namespace nope.",
      );
      await expect(call("k8s_list_resources", { kind: "Podd" })).rejects.toThrow('no kind "Podd"; near are Pod');
    });

    it("under the names of the other assistant", async () => {
      const given = { namespace: "shop", output_format: "wide", all_namespaces: "false", label_selector: "app=cart" };
      expect(await textOf("list_resources", { resource_type: "svc", ...given })).toMatch(
        /^1 service in namespace shop[^]*SELECTOR\ncart/,
      );
      expect(await textOf("list_deployments", { namespace: "shop" })).toMatch(/^4 deployments in namespace shop/);
      expect(await textOf("list_services", { all_namespaces: true })).toMatch(/^8 services in all namespaces/);
      expect(await textOf("list_nodes")).toMatch(/^3 nodes/);
      expect(await textOf("list_namespaces")).toMatch(/^\d+ namespaces/);
    });
  });

  describe("read one object:", () => {
    const checkout = { kind: "deploy", name: "checkout", ...shop };

    it("a summary", async () => {
      const text = await textOf("k8s_get_resource", checkout);
      expect(text).toMatch(/^Deployment checkout in namespace shop of the simulated cluster\.\nReplicas: 1 wanted, /);
      expect(text).toMatch(/^Progressing +False +ProgressDeadlineExceeded/m);
    });

    it("a part of it", async () => {
      expect(await textOf("k8s_get_resource", { ...checkout, view: "spec" })).toMatch(
        /^The spec of [^]*\nprogressDeadlineSeconds: 600/,
      );
      expect(await textOf("k8s_get_resource", { ...checkout, view: "status" })).toMatch(
        /^The status of [^]*\nconditions:/,
      );
      const spec = await textOf("k8s_get_resource", { kind: "cm", name: "checkout-config", ...shop, view: "spec" });
      expect(spec).toBe("There is no spec of ConfigMap checkout-config in namespace shop of the simulated cluster.");
    });

    it("what is at a path, of which none leads to what is hidden", async () => {
      const at = (jsonPath: string): Promise<string> => textOf("k8s_get_resource", { ...checkout, jsonPath });
      expect(await at(".spec.replicas")).toMatch(/^The value at \.spec\.replicas of [^]*\n1$/);
      expect(await at("{.spec.template.spec.containers[*].image}")).toContain("registry.simulated/shop/checkout:3.0.0");
      expect(await at(".spec.template.spec.containers[0].env[1].value")).toMatch(/\n\[hidden\]$/);
      expect(await at(".spec.nothing")).toMatch(/^There is nothing at \.spec\.nothing of Deployment checkout/);
      await expect(at(".spec.containers[?(@.name=='x')]")).rejects.toThrow("The path is not understood from");
    });

    it("what counts its pods, services, claims or nodes", async () => {
      expect(await textOf("k8s_describe", { kind: "svc", name: "checkout", ...shop })).toMatch(
        /^Ports: 80 to 8082\/TCP$/m,
      );
      expect(await textOf("k8s_describe", { kind: "node", name: "simulated-node-1" })).toMatch(
        /^Allocatable: cpu=4, /m,
      );
      expect(await textOf("k8s_describe", { kind: "ns", name: "shop" })).toMatch(/^Status: Active$/m);
      expect(await textOf("k8s_describe", checkout)).toMatch(
        /^Environment:\ncheckout: NODE_ENV=production\ncheckout: API_TOKEN=\[hidden\]/m,
      );
    });
  });

  it("show of Secrets, to whom the cluster gives them, all but the values", async () => {
    const asOperator = openTools(kubeconfig, { contexts: ["operator"] });
    const everywhere = { kind: "secrets", allNamespaces: true };
    const { text } = await asOperator("k8s_list_resources", { ...everywhere, output: "json" });
    expect(text).toMatch(/"\[hidden: \d+ bytes\]"/);
    const objects: unknown = JSON.parse(text.slice(text.indexOf("\n")));
    const { text: table } = await asOperator("k8s_list_resources", everywhere);
    const [namespace = "", name = ""] = table.split("\n")[2]?.split(/\s+/) ?? [];
    const one = { kind: "secret", name, namespace };
    const shown = [
      await asOperator("k8s_get_resource", { ...one, view: "yaml" }),
      await asOperator("k8s_get_resource", { ...one, jsonPath: ".data.*" }),
      await asOperator("k8s_describe", one),
      await asOperator("k8s_list_resources", { ...everywhere, columns: [".data.*"] }),
    ];
    expect(objects).not.toHaveLength(0);
    expect(shown[2]?.text).toMatch(/^Keys of data \(values are not shown\): \S/m);
    for (const output of shown) {
      // Base64 of anything that is worth hiding.
      expect(`${output.text}\n${output.brief}`).not.toMatch(
        /(?:^|[\s:'"])(?=[A-Za-z0-9+/]*\d)[A-Za-z0-9+/]{16,}={0,2}(?:$|[\s'"])/m,
      );
    }
    await expect(call("k8s_get_resource", one)).rejects.toThrow("is not allowed to read secret");
  });

  describe("list nodes", () => {
    it.each([
      ["brief", /^simulated-node-1 +Ready +control-plane +\d+\S* +v1\.32\S* +10\.10\.0\.11$/m],
      ["capacity", /^simulated-node-1 +Ready +4 of 4 +8148532Ki of 8148532Ki +110 of 110$/m],
      ["taints", /^NAME +STATUS +TAINTS$/m],
      ["conditions", /^simulated-node-1 +Ready +none$/m],
    ])("with their %s", async (view, row) => {
      const text = await textOf("k8s_list_nodes", { view });
      expect(text).toMatch(/^3 nodes in the simulated cluster; all are ready\.\n/);
      expect(text).toMatch(row);
    });
  });

  describe("count", () => {
    it.each([
      [{}, /^\d+ pods in all namespaces of the simulated cluster\.$/],
      [{ groupBy: "namespace" }, /^NAMESPACE +COUNT\nshop +6\n/m],
      [{ groupBy: "node" }, /^simulated-node-1 +\d+$/m],
      [{ groupBy: "phase", ...shop }, /^6 pods in namespace shop [^]*\nPHASE +COUNT\nRunning +5\nPending +1$/],
      [{ groupBy: "label:app", ...shop }, /^APP +COUNT\nstorefront +3\n/m],
      [{ groupBy: "label:nobody-has-it", ...shop }, /^\(none\) +6$/m],
    ])("pods by %j", async (args, expected) => {
      expect(await textOf("k8s_count", { kind: "pods", ...args })).toMatch(expected);
    });

    it("not by what is no group", async () => {
      await expect(call("k8s_count", { kind: "pods", groupBy: "label:" })).rejects.toThrow(
        "must be namespace, node, phase",
      );
    });
  });

  describe("say what there is", () => {
    it("of kinds", async () => {
      expect(await textOf("k8s_api_resources", { group: "apps", verbs: ["list"] })).toMatch(
        /^deployments +deploy +apps\/v1 +true +Deployment +all$/m,
      );
      expect(await textOf("k8s_api_resources", { group: "core", namespaced: false })).toMatch(
        /^nodes +no +v1 +false +Node /m,
      );
      expect(await textOf("k8s_api_resources", { group: "nothing.io" })).toMatch(/^0 of \d+ kinds/);
    });

    it("of fields", async () => {
      const text = await textOf("k8s_explain", { kind: "deploy", fieldPath: "spec.template.spec.containers" });
      expect(text).toMatch(
        /^Deployment\.spec\.template\.spec\.containers \(apps\/v1\) of the simulated cluster:\n[^\n]*\n?Type: \[\]Container\n/,
      );
      expect(text).toMatch(/^name +string +yes +Name of the container/m);
      await expect(call("k8s_explain", { kind: "deploy", fieldPath: "spec.replica" })).rejects.toThrow(
        /There is no field "replica"; there are .*replicas/,
      );
      await expect(call("k8s_explain", { kind: "deploy", fieldPath: "__proto__" })).rejects.toThrow(
        "There is no field",
      );
    });

    it("of rights, of each identity", async () => {
      const both = openTools(kubeconfig, { operatorContexts: ["operator"] });
      const answers = [];
      for (const [verb, kind] of [
        ["get", "pods"],
        ["list", "secrets"],
        ["delete", "pods"],
      ]) {
        answers.push((await both("k8s_can_i", { verb, kind, ...shop })).text);
      }
      expect(answers[0]).toMatch(
        /^Yes: the reading identity may get pods in namespace shop of the simulated cluster\./,
      );
      expect(answers[1]).toMatch(/^No: the reading identity may not list secrets/);
      expect(answers[2]).toMatch(/^Yes: the identity that changes things may delete pods/);
      expect(await textOf("k8s_can_i", { verb: "delete", kind: "pods", ...shop })).toMatch(
        /^No: the only identity, which is for reading, may not delete/,
      );
    });
  });

  it("ask the cluster that is named, of several", async () => {
    const several = openTools(kubeconfig, { contexts: ["reader", "operator"] });
    expect((await several("k8s_list_resources", { kind: "deploy", ...shop })).text).toContain("of the cluster reader.");
    expect((await several("k8s_list_resources", { kind: "deploy", ...shop, context: "operator" })).text).toContain(
      "of the cluster operator.",
    );
    await expect(several("k8s_list_namespaces", { context: "another" })).rejects.toThrow(/context must be one of/);
    await expect(call("k8s_list_namespaces", { context: "operator" })).rejects.toThrow("context");
  });

  it("see only the namespaces that are allowed", async () => {
    const limited = openTools(kubeconfig, { only: ["default", "monitoring"] });
    expect((await limited("k8s_list_resources", { kind: "svc", allNamespaces: true })).text).toMatch(
      /^4 services in the namespaces default, monitoring of/,
    );
    expect((await limited("k8s_count", { kind: "pods" })).text).toMatch(
      /^3 pods in the namespaces default, monitoring/,
    );
    for (const [name, args] of [
      ["k8s_list_resources", { kind: "svc", namespace: "shop" }],
      ["k8s_list_resources", { kind: "pv" }],
      ["k8s_list_resources", { kind: "ns" }],
      ["k8s_get_resource", { kind: "deploy", name: "cart", namespace: "shop" }],
      ["k8s_get_resource", { kind: "ns", name: "shop" }],
      ["k8s_count", { kind: "pods", namespace: "shop" }],
      ["k8s_list_nodes", {}],
      ["k8s_can_i", { verb: "get", kind: "pods", namespace: "shop" }],
    ] as const) {
      await expect(limited(name, args)).rejects.toThrow(/may not be read/);
    }
  });
});
