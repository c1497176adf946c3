import { describe, expect, it } from "vitest";
import { cleanObject, maskObject } from "../../src/kubernetes/masking.ts";

/** What must be in no output, whatever it is wrapped in. */
const planted = "hunter2-planted";
const packed = Buffer.from(planted).toString("base64");
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db" },
  type: "Opaque",
  data: { password: packed },
};
const { apiVersion: _version, kind: _kind, ...item } = secret;
const inPod = (container: object): object => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "web" } },
  spec: { containers: [{ name: "web", ...container }] },
});
const custom = (spec: object): object => ({ apiVersion: "x.io/v1", kind: "Database", metadata: { name: "a" }, spec });
const configMap = (data: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: {}, data });

describe("what is secret is in no copy:", () => {
  it.each<[string, unknown, string?]>([
    ["a Secret", secret],
    ["a Secret with text", { ...secret, data: undefined, stringData: { password: planted } }],
    ["a Secret without a version", { kind: "Secret", data: { password: packed } }],
    ["a Secret that names its kind in small letters", { kind: "secret", data: { password: packed } }],
    ["a Secret of which only the type is left", item],
    ["an item of a list, whose kind the caller knows", { ...item, type: undefined }, "Secret"],
    ["a List", { apiVersion: "v1", kind: "List", items: [secret] }],
    [
      "a SecretList, whose items have no kind",
      { apiVersion: "v1", kind: "SecretList", items: [{ ...item, type: undefined }] },
    ],
    ["a List in a List", { kind: "List", items: [{ kind: "List", items: [secret] }] }],
    ["a Table", { kind: "Table", rows: [{ cells: ["db"], object: secret }] }],
    [
      "a Table of what is not named",
      { kind: "Table", apiVersion: "meta.k8s.io/v1", rows: [{ cells: [], object: item }] },
    ],
    ["values that are not text", { ...secret, data: { password: { value: planted } } }],
    ["values in a list", { ...secret, data: [planted] }],
    [
      "the manifest that was applied last",
      { ...inPod({}), metadata: { annotations: { [lastApplied]: JSON.stringify(secret) } } },
    ],
    [
      "one that cannot be read",
      { ...inPod({}), metadata: { annotations: { [lastApplied]: `{"data":{"a":"${planted}` } } },
    ],
    [
      "one within one",
      {
        metadata: {
          annotations: {
            [lastApplied]: JSON.stringify({ metadata: { annotations: { [lastApplied]: JSON.stringify(secret) } } }),
          },
        },
      },
    ],
    ["an annotation with the name of a secret", { metadata: { annotations: { "x.io/api-token": planted } } }],
    ["an annotation that holds a credential", { metadata: { annotations: { note: `password=${planted}` } } }],
    ["an annotation that is no text", { metadata: { annotations: { note: { deep: planted } } } }],
    ["the environment", inPod({ env: [{ name: "DB_PASSWORD", value: planted }] })],
    ["the environment under a plain name", inPod({ env: [{ name: "DB", value: `postgres://app:${planted}@db/x` }] })],
    [
      "a header of a probe",
      inPod({ livenessProbe: { httpGet: { httpHeaders: [{ name: "Authorization", value: planted }] } } }),
    ],
    ["an argument", inPod({ args: [`--password=${planted}`] })],
    ["an argument after its flag", inPod({ args: ["serve", "--db-password", planted] })],
    ["a command line", inPod({ command: ["sh", "-c", `PGPASSWORD=${planted} psql; curl -u admin:${planted} x`] })],
    [
      "a template in a template",
      {
        kind: "CronJob",
        spec: { jobTemplate: { spec: { template: inPod({ env: [{ name: "API_KEY", value: planted }] }) } } },
      },
    ],
    ["a custom kind", custom({ adminPassword: planted, nested: { clientSecret: planted } })],
    ["a custom kind with a number", custom({ password: 123456789 })],
    ["a custom kind with the type around it", custom({ password: { value: planted } })],
    ["a custom kind with several", custom({ tokens: [planted, planted] })],
    [
      "a custom kind that makes Secrets",
      { apiVersion: "x.io/v1", kind: "VaultSecret", spec: { template: { data: { a: planted } } } },
    ],
    ["a setting with the name of a secret", configMap({ "db-password": planted })],
    ["a file of settings", configMap({ "app.yaml": `db:\n  password: ${planted}\n` })],
    [
      "a file of settings with lines below the name",
      configMap({ "app.yaml": `db:\n  password: |\n    ${planted}\n    ${planted}\nport: 1` }),
    ],
    ["a file in XML", configMap({ "app.xml": `<db><password>${planted}</password></db>` })],
    ["a file in JSON", configMap({ "config.json": JSON.stringify({ auths: { registry: { auth: planted } } }) })],
    ["a file in JSON that is broken", configMap({ "config.json": `{"auths":{"r":{"auth":"${planted}"}` })],
    ["a file of logins", configMap({ netrc: `machine x login me password ${planted}` })],
    ["a release in a ConfigMap", configMap({ release: Buffer.from(planted.repeat(100)).toString("base64") })],
    ["bytes in a ConfigMap", { ...configMap({}), binaryData: { keystore: packed } }],
    ["what a pod says of itself", { kind: "Pod", metadata: {}, status: { message: `token=${planted}` } }],
    [
      "a list of ConfigMaps, whose items have no kind",
      { kind: "ConfigMapList", items: [{ metadata: {}, data: { "api-key": planted } }] },
    ],
  ])("%s", (_, object, kind) => {
    const text = JSON.stringify(maskObject(object, kind));
    for (const secretText of [planted, packed, "123456789"]) expect(text).not.toContain(secretText);
    expect(text).not.toContain(Buffer.from(planted.repeat(2)).toString("base64").slice(0, 30));
  });
});

it("what is hidden is told with its name and size", () => {
  expect(maskObject(secret)).toEqual({ ...secret, data: { password: `[hidden: ${packed.length} bytes]` } });
});

describe("what is no secret stays:", () => {
  it.each<[string, object]>([
    ["names of Secrets", inPod({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "db", key: "password" } } }] })],
    ["volumes of Secrets", { kind: "Pod", spec: { volumes: [{ name: "a", secret: { secretName: "db" } }] } }],
    [
      "Secrets for images",
      { kind: "ServiceAccount", secrets: [{ name: "a" }], imagePullSecrets: [{ name: "registry" }] },
    ],
    ["which Secret a custom kind uses", custom({ existingSecret: "db", tlsSecret: "web-tls" })],
    ["tolerations", { kind: "Pod", spec: { tolerations: [{ key: "dedicated", operator: "Exists" }] } }],
    ["how long a token holds", { kind: "Pod", spec: { tokenExpirationSeconds: 3600 } }],
    ["plain settings", configMap({ "app.yaml": "port: 8080\nlevel: debug\n", mode: "fast" })],
    [
      "where a secret is to be had",
      { apiVersion: "x.io/v1", kind: "ExternalSecret", spec: { data: [{ remoteRef: { key: "prod/db" } }] } },
    ],
    ["numbers, nothing and switches", { kind: "Pod", spec: { replicas: 3, paused: false, node: null } }],
  ])("%s", (_, object) => {
    expect(maskObject(object)).toEqual(object);
  });
});

it("keeps names that mean something to the program", () => {
  const object: unknown = JSON.parse('{"kind":"Pod","metadata":{"labels":{"__proto__":"x","constructor":"y"}}}');
  expect(JSON.stringify(maskObject(object))).toBe(JSON.stringify(object));
});

it("ends at a depth that no API server takes, without the rest", () => {
  let object: unknown = planted;
  for (let depth = 0; depth < 5_000; depth++) object = { x: object };
  const text = JSON.stringify(maskObject(cleanObject(object)));
  expect(text).not.toContain(planted);
  expect(text).toContain("nested too deeply");
});

it("takes out what only machines need, wherever it is", () => {
  const metadata = { name: "a", managedFields: [{ manager: "x" }], annotations: { [lastApplied]: "{}" } };
  const kept = { name: "b", annotations: { note: "n" } };
  const noted = { ...metadata, ...kept, annotations: { ...metadata.annotations, note: "n" } };
  expect(cleanObject({ kind: "List", items: [{ metadata }, { metadata: noted }] })).toEqual({
    ...{ kind: "List", items: [{ metadata: { name: "a" } }, { metadata: kept }] },
  });
});
