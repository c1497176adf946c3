import { existsSync } from "node:fs";
import { goBuild, toolPath } from "./go-build.mjs";

/** Of Kubernetes, without the leading "1." or "0.": its modules share it. */
const VERSION = "35.0";
const ETCD_VERSION = "v3.6.5";
const KUBERNETES = "k8s.io/kubernetes";
// Published with requirements on v0.0.0, which is nowhere: each is put in the place of its release.
const STAGING = [
  ...["api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go", "cloud-provider"],
  ...["cluster-bootstrap", "code-generator", "component-base", "component-helpers", "controller-manager", "cri-api"],
  ...["cri-client", "csi-translation-lib", "dynamic-resource-allocation", "endpointslice", "externaljwt", "kms"],
  ...["kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "metrics"],
  ...["mount-utils", "pod-security-admission", "sample-apiserver", "sample-cli-plugin", "sample-controller"],
];

function apiServer() {
  const replaced = STAGING.map((name) => `replace k8s.io/${name} => k8s.io/${name} v0.${VERSION}`);
  const version = "k8s.io/component-base/version";
  return {
    name: "kube-apiserver",
    goMod: [`module tools`, `go 1.25.0`, `require ${KUBERNETES} v1.${VERSION}`, ...replaced, ""].join("\n"),
    source: `//go:build tools\n\npackage tools\n\nimport _ "${KUBERNETES}/cmd/kube-apiserver/app"\n`,
    command: `${KUBERNETES}/cmd/kube-apiserver`,
    flags: `-s -w -X ${version}.gitVersion=v1.${VERSION} -X ${version}.gitMajor=1 -X ${version}.gitMinor=${VERSION.split(".")[0]}`,
  };
}

function etcd() {
  const command = "go.etcd.io/etcd/server/v3";
  return {
    name: "etcd",
    goMod: `module etcd\n\ngo 1.24.0\n\nrequire ${command} ${ETCD_VERSION}\n`,
    source: `package main\n\nimport (\n\t"os"\n\n\t"${command}/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n`,
    command: ".",
  };
}

/** Builds kube-apiserver and etcd with Go into .tools, once. Returns their paths, or throws an Error with one sentence. */
export async function apiServerPrograms({ signal, onLine, say }) {
  for (const build of [apiServer(), etcd()]) {
    if (existsSync(toolPath(build.name))) continue;
    say(`  ${build.name} is built with Go; once, and kube-apiserver takes some minutes`);
    const problem = await goBuild({ ...build, signal, onLine });
    if (problem !== undefined) throw new Error(`${build.name} could not be built. ${problem}`);
  }
  return { apiServer: toolPath("kube-apiserver"), etcd: toolPath("etcd"), version: `1.${VERSION}` };
}
