import { ConfigError, readConfig } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { Config } from "../src/config.ts";

describe("the configuration", () => {
  it("needs nothing to be set, and then offers neither demo nor Kubernetes tools", () => {
    const config = readConfig(Config, {});
    expect(config).toMatchObject({ ADMIN_PORT: 8021, CONCURRENCY: 16, DEMO_TOOLS: false });
    expect(config.KUBECONFIG).toBeUndefined();
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
});
