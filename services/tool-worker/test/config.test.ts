import { ConfigError, readConfig } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { Config } from "../src/config.ts";

describe("the configuration", () => {
  it("needs nothing to be set, and then offers neither demo nor Kubernetes tools", () => {
    const config = readConfig(Config, {});
    expect(config).toMatchObject({ ADMIN_PORT: 8021, CONCURRENCY: 16, DEMO_TOOLS: false });
    expect(config.KUBECONFIG).toBeUndefined();
  });

  it("gives people a quarter of an hour to agree, or from a second to a day", () => {
    expect(readConfig(Config, {}).APPROVAL_TTL_MS).toBe(900_000);
    expect(readConfig(Config, { APPROVAL_TTL_MS: "86400000" }).APPROVAL_TTL_MS).toBe(86_400_000);
    for (const APPROVAL_TTL_MS of ["999", "86400001"])
      expect(() => readConfig(Config, { APPROVAL_TTL_MS })).toThrow("must be a whole number from 1000 to 86400000.");
  });

  it("takes a list of namespaces", () => {
    expect(readConfig(Config, { KUBE_NAMESPACES: "shop, monitoring" }).KUBE_NAMESPACES).toEqual(["shop", "monitoring"]);
  });

  it("refuses what cannot be a namespace", () => {
    expect(() => readConfig(Config, { KUBE_NAMESPACES: "shop,Not One" })).toThrow(ConfigError);
    expect(() => readConfig(Config, { KUBE_NAMESPACES: "shop," })).toThrow(
      "KUBE_NAMESPACES must be names of namespaces",
    );
  });

  it("offers no changes of a cluster, unless somebody is named for them", () => {
    const config = readConfig(Config, {});
    expect(config).toMatchObject({ KUBE_IMPERSONATE: "none", KUBE_REQUESTS: 16 });
    expect([config.KUBE_OPERATOR_KUBECONFIG, config.KUBE_OPERATOR_CONTEXT]).toEqual([undefined, undefined]);
  });

  it("takes a list of clusters", () => {
    expect(readConfig(Config, { KUBE_CONTEXTS: "prod, staging" }).KUBE_CONTEXTS).toEqual(["prod", "staging"]);
    expect(readConfig(Config, { KUBE_CONTEXTS: "" }).KUBE_CONTEXTS).toBeUndefined();
    for (const KUBE_CONTEXTS of ["prod,", "prod,prod"])
      expect(() => readConfig(Config, { KUBE_CONTEXTS })).toThrow(ConfigError);
  });
});
