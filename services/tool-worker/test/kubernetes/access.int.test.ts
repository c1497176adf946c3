import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { ServerOptions } from "node:https";
import path from "node:path";
import { listen } from "@parley/runtime";
import { freePort, tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createExecLogin } from "../../src/kubernetes/exec-login.ts";
import * as certificates from "../support/certificates.ts";
import { openTools } from "../support/cluster-tools.ts";
import { data, startStubCluster, type StubCluster, writeKubeconfig } from "../support/stub-cluster.ts";

const { authority, anotherAuthority, server, serverOfAnotherName, expiredServer, client, expiredClient } = certificates;
const trusted = { "certificate-authority-data": data(authority.certificate) };

function tls(
  { certificate: cert, key }: { certificate: string; key: string },
  more: ServerOptions = {},
): ServerOptions {
  return { cert, key, ...more };
}

/** A JWT without a signature. */
function tokenUntil(end: Date): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: "x", exp: end.getTime() / 1_000 })}.c2lnbmF0dXJl`;
}

describe("access to a cluster", () => {
  let folder: TempDir;
  let stub: StubCluster | undefined;
  let asked: (string | undefined)[];
  let warnings: { reason?: string; says?: string }[];

  const noNamespaces: RequestListener = ({ headers }, response) => {
    asked.push(headers.authorization);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ kind: "NamespaceList", apiVersion: "v1", metadata: {}, items: [] }));
  };

  beforeEach(async () => {
    folder = await tempDir();
    asked = [];
    warnings = [];
  });

  afterEach(async () => {
    await stub?.[Symbol.asyncDispose]();
    stub = undefined;
    await folder[Symbol.asyncDispose]();
  });

  async function startWith(tlsOptions?: ServerOptions, answer = noNamespaces): Promise<string> {
    stub = await startStubCluster(answer, tlsOptions);
    return `${tlsOptions === undefined ? "http" : "https"}://127.0.0.1:${stub.port}`;
  }

  async function open(parts: Parameters<typeof writeKubeconfig>[1]) {
    const kubeconfig = await writeKubeconfig(path.join(folder.path, "kubeconfig"), parts);
    const onWarning = (fields: object): void => void warnings.push(fields);
    return openTools(kubeconfig, { env: { PATH: process.env["PATH"] ?? "" }, onWarning });
  }

  /** What a call says: its result or its failure. */
  async function said(parts: Parameters<typeof writeKubeconfig>[1]): Promise<string> {
    const call = await open(parts);
    return call("k8s_list_namespaces").then(
      ({ text }) => text.split("\n")[0] ?? "",
      (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : ""),
    );
  }

  async function program(name: string, script: string): Promise<string> {
    const file = path.join(folder.path, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  }

  const exec = (command: string, more: object = {}) => ({
    exec: { apiVersion: "client.authentication.k8s.io/v1", command, interactiveMode: "Never", ...more },
  });
  const welcome = "0 namespaces in the simulated cluster.";
  const unreachable = "KubeError: The cluster cannot be reached: ";
  const refused = "KubeError: The cluster refused the credentials of the tool worker: ";

  it("over http:// is refused with a sentence that names it, here and in the log", async () => {
    const text = await said({ server: await startWith(), user: { token: "very-secret-token" } });
    expect(text).toMatch(/^KubeError: The server in the tool worker's kubeconfig begins with http:\/\//);
    expect(warnings.map(({ says }) => `KubeError: ${says}`)).toEqual([text, text]);
    expect(asked).toEqual([]);
  });

  it("over http:// works where it is meant", async () => {
    expect(await said({ server: await startWith(), cluster: { "insecure-skip-tls-verify": true } })).toBe(welcome);
  });

  it.each(["10.0.0.1:6443", "ftp://10.0.0.1", "nonsense"])(
    "of the server %s is refused with a sentence",
    async (address) => {
      expect(await said({ server: address })).toMatch(/is not an address that begins with https:/);
    },
  );

  it("with the right authority works, with a user or without one", async () => {
    const address = await startWith(tls(server));
    expect(await said({ server: address, cluster: trusted, user: { token: "t" } })).toBe(welcome);
    expect(await said({ server: address, cluster: trusted })).toBe(welcome);
    expect(asked).toEqual(["Bearer t", undefined]);
  });

  it("without a look at the certificate works", async () => {
    expect(await said({ server: await startWith(tls(server)), cluster: { "insecure-skip-tls-verify": true } })).toBe(
      welcome,
    );
  });

  it.each([
    [
      "of another authority",
      server,
      { "certificate-authority-data": data(anotherAuthority.certificate) },
      /not from the authority/,
    ],
    ["without an authority", server, {}, /not from the authority/],
    ["of another name", serverOfAnotherName, trusted, /is for another name/],
    ["that has expired", expiredServer, trusted, /its certificate has expired/],
  ])("to a server with a certificate %s fails with that as its cause", async (_, certificate, cluster, cause) => {
    const text = await said({ server: await startWith(tls(certificate)), cluster });
    expect(text).toMatch(unreachable);
    expect(text).toMatch(cause);
    expect(warnings[0]).toMatchObject({ says: text.replace("KubeError: ", "") });
    expect(warnings[0]?.reason).toMatch(/certificate|CERT/i);
  });

  it("over https:// to a server that speaks HTTP says so", async () => {
    const address = (await startWith()).replace("http", "https");
    expect(await said({ server: address, cluster: trusted })).toMatch(/it does not speak TLS/);
  });

  it("over http:// to a server that speaks TLS says so", async () => {
    const address = (await startWith(tls(server))).replace("https", "http");
    const text = await said({ server: address, cluster: { "insecure-skip-tls-verify": true } });
    expect(text).toMatch(/it closed the connection|does not speak HTTP|refused to read namespaces \(400\)/);
  });

  it("to a host that is not known says so", async () => {
    expect(await said({ server: "https://no-such-host.invalid" })).toBe(`${unreachable}its host name is not known.`);
  });

  it("whose certificate authority is not there says so, and the log says which", async () => {
    const text = await said({ server: await startWith(tls(server)), cluster: { "certificate-authority": "gone.crt" } });
    expect(text).toMatch(
      /^KubeError: A certificate, key or token that the tool worker's kubeconfig names cannot be read/,
    );
    expect(warnings[0]?.reason).toContain("gone.crt");
  });

  it("to a server whose answer is not JSON says so", async () => {
    const address = await startWith(tls(server), (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end("<html>");
    });
    expect(await said({ server: address, cluster: trusted })).toBe(
      "KubeError: The cluster's answer cannot be understood.",
    );
  });

  it("with a token in a file has that, from where the kubeconfig is", async () => {
    await writeFile(path.join(folder.path, "token"), "from-a-file\n");
    const user = { token: "old", tokenFile: "token" };
    expect(await said({ server: await startWith(tls(server)), cluster: trusted, user })).toBe(welcome);
    expect(asked).toEqual(["Bearer from-a-file"]);
    const text = await said({
      server: `https://127.0.0.1:${stub?.port}`,
      cluster: trusted,
      user: { tokenFile: "gone" },
    });
    expect(text).toMatch(/A certificate, key or token that the tool worker's kubeconfig names cannot be read/);
  });

  describe("with a login that has expired", () => {
    const unauthorised: RequestListener = (_, response) => void response.writeHead(401).end();

    it("says when the token did", async () => {
      const user = { token: tokenUntil(new Date("2026-01-02T03:04:00Z")) };
      const text = await said({ server: await startWith(tls(server), unauthorised), cluster: trusted, user });
      expect(text).toBe(`${refused}its token expired at 2026-01-02 03:04 UTC.`);
      expect(warnings[0]).toMatchObject({ reason: "status 401" });
    });

    it("says that it may have, when nothing else is known", async () => {
      const text = await said({
        server: await startWith(tls(server), unauthorised),
        cluster: trusted,
        user: { token: "a" },
      });
      expect(text).toBe(`${refused}they are wrong or have expired.`);
    });

    it.each([
      ["answers 401", {}, unauthorised],
      ["hangs up", { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }, undefined],
    ])("says when the client certificate did, to a server that %s", async (_, more, answer) => {
      const user = {
        "client-certificate-data": data(expiredClient.certificate),
        "client-key-data": data(expiredClient.key),
      };
      const text = await said({ server: await startWith(tls(server, more), answer), cluster: trusted, user });
      expect(text).toBe(`${refused}its client certificate expired at 2021-01-01 00:00 UTC.`);
    });

    it("is in order while the client certificate holds", async () => {
      const user = { "client-certificate-data": data(client.certificate), "client-key-data": data(client.key) };
      const strict = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
      expect(await said({ server: await startWith(tls(server, strict)), cluster: trusted, user })).toBe(welcome);
    });
  });

  describe("through a program that logs in", () => {
    const credential = (status: object): string =>
      `echo '${JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status })}'`;
    const saying = "KubeError: The login program ";

    it("has its token, and runs it once", async () => {
      const address = await startWith(tls(server));
      const log = path.join(folder.path, "runs");
      await program("login", `echo run >> ${log}\n${credential({ token: "from-the-program" })}`);
      const call = await open({ server: address, cluster: trusted, user: exec("./login") });
      await Promise.all([call("k8s_list_namespaces"), call("k8s_list_namespaces")]);
      await call("k8s_list_namespaces");
      expect(asked).toEqual(Array.from({ length: 3 }, () => "Bearer from-the-program"));
      expect(await readFile(log, "utf8")).toBe("run\n");
    });

    it("logs in again when the cluster no longer takes what was kept", async () => {
      const log = path.join(folder.path, "runs");
      let valid = "Bearer 1";
      const address = await startWith(tls(server), (request, response) => {
        if (request.headers.authorization === valid) noNamespaces(request, response);
        else response.writeHead(401).end();
      });
      const login = await program(
        "login",
        `echo run >> ${log}\n${credential({ token: "N" }).replace("N", "'$(wc -l < LOG)'")}`.replace("LOG", log),
      );
      const call = await open({ server: address, cluster: trusted, user: exec(login) });
      await call("k8s_list_namespaces");
      valid = "Bearer 2";
      await call("k8s_list_namespaces");
      expect(asked).toEqual(["Bearer 1", "Bearer 2"]);
      valid = "none";
      await expect(call("k8s_list_namespaces")).rejects.toThrow("refused the credentials");
      expect((await readFile(log, "utf8")).length).toBe("run\n".length * 3);
    });

    it("says when its login expired, also one that was just issued", async () => {
      const status = { token: "stale", expirationTimestamp: "2026-01-02T03:04:00Z" };
      const address = await startWith(tls(server), (_, response) => void response.writeHead(401).end());
      const login = await program("login", credential(status));
      const call = await open({ server: address, cluster: trusted, user: exec(login) });
      for (let n = 0; n < 2; n++) {
        await expect(call("k8s_list_namespaces")).rejects.toThrow(
          "The cluster refused the credentials of the tool worker: its login expired at 2026-01-02 03:04 UTC.",
        );
      }
    });

    it("keeps the new login when the refusal of the old one comes late", async () => {
      const log = path.join(folder.path, "runs");
      let valid = "Bearer 1";
      let refuse: (() => void) | undefined;
      let held = (): void => {};
      const isHeld = new Promise<void>((resolve) => (held = resolve));
      const address = await startWith(tls(server), (request, response) => {
        if (request.headers.authorization === valid) return noNamespaces(request, response);
        const refusal = (): void => void response.writeHead(401).end();
        if (refuse !== undefined) return refusal();
        refuse = refusal;
        held();
      });
      const login = await program(
        "login",
        `echo run >> ${log}\n${credential({ token: "N" }).replace("N", `'$(wc -l < ${log})'`)}`,
      );
      const call = await open({ server: address, cluster: trusted, user: exec(login) });
      await call("k8s_list_namespaces");
      valid = "Bearer 2";
      const late = call("k8s_list_namespaces");
      await isHeld;
      await call("k8s_list_namespaces");
      refuse?.();
      await late;
      expect(asked).toEqual(["Bearer 1", "Bearer 2", "Bearer 2"]);
      expect(await readFile(log, "utf8")).toBe("run\nrun\n");
    });

    it("gives the program what it asks for", async () => {
      const info = path.join(folder.path, "info");
      const login = await program(
        "login",
        `echo "$KUBERNETES_EXEC_INFO $OWN $1" > ${info}\n${credential({ token: "a" })}`,
      );
      const more = { args: ["get-token"], env: [{ name: "OWN", value: "mine" }], provideClusterInfo: true };
      const address = await startWith(tls(server));
      await said({ server: address, cluster: trusted, user: exec(login, more) });
      const text = await readFile(info, "utf8");
      expect(text).toMatch(/ mine get-token\n$/);
      expect(text).toContain(`"server":"${address}"`);
    });

    it.each([
      [
        "is not there",
        "no-such-login-program",
        `${saying}no-such-login-program of the tool worker's kubeconfig is not installed.`,
      ],
      ["may not run", "./kubeconfig", `${saying}kubeconfig of the tool worker's kubeconfig may not be executed.`],
    ])("that %s says so", async (_, command, expected) => {
      expect(await said({ server: "https://127.0.0.1:1", cluster: trusted, user: exec(command) })).toBe(expected);
      expect(warnings).toHaveLength(1);
    });

    it.each([
      [
        "that its login has expired",
        "echo 'The SSO session has expired. refresh_token=hunter2' >&2; exit 255",
        "failed (exit code 255): its login has expired.",
      ],
      [
        "that nobody is logged in",
        "echo 'please run az login' >&2; exit 1",
        "failed (exit code 1): it is not logged in.",
      ],
      ["nothing, and fails", "exit 3", "failed (exit code 3)."],
      ["no JSON", "echo hunter2", "did not say a login."],
      ["no status", "echo '{}'", "did not say a login."],
    ])("that says %s becomes a sentence without its words", async (_, script, expected) => {
      await program("login", script);
      const text = await said({ server: "https://127.0.0.1:1", cluster: trusted, user: exec("./login") });
      expect(text).toBe(`${saying}login of the tool worker's kubeconfig ${expected}`);
      expect(JSON.stringify(warnings)).not.toContain("hunter2");
    });

    it("that waits for a person is ended in time, with what it started", async () => {
      const pid = path.join(folder.path, "pid");
      const login = await program("login", `sleep 1000 &\necho $! > ${pid}\necho 'open this page' >&2\nwait`);
      const env = { PATH: process.env["PATH"] ?? "" };
      const { apply } = createExecLogin({ spec: { command: login }, cluster: null, env, maxMs: 1_000 });
      await expect(apply({ name: "x" }, {})).rejects.toThrow("it may wait for a person to log in");
      const child = Number(await readFile(pid, "utf8"));
      await expect.poll(() => isAlive(child)).toBe(false);
    });
  });

  describe("through a proxy", () => {
    it("that is not there says so", async () => {
      const cluster = { ...trusted, "proxy-url": `http://127.0.0.1:${await freePort()}` };
      expect(await said({ server: "https://127.0.0.1:6443", cluster })).toBe(
        "KubeError: The cluster or the proxy to it cannot be reached: the connection was refused.",
      );
    });

    it("that refuses says so", async () => {
      const proxy = createServer();
      proxy.on("connect", (_, socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
      const listener = await listen(proxy, { host: "127.0.0.1", port: 0, variable: "PORT" });
      const cluster = { ...trusted, "proxy-url": `http://me:hunter2@127.0.0.1:${listener.port}` };
      const text = await said({ server: "https://127.0.0.1:6443", cluster });
      await listener.close();
      expect(text).toBe("KubeError: The cluster cannot be reached: the proxy in the kubeconfig refused (407).");
      expect(JSON.stringify(warnings)).not.toContain("hunter2");
    });

    it("whose address is none says so", async () => {
      const text = await said({ server: "https://127.0.0.1:1", cluster: { "proxy-url": "me" } });
      expect(text).toMatch(/proxy-url in the tool worker's kubeconfig is not an address of a proxy/);
    });
  });
});

/** One that ended, but whose parent did not ask, is still listed. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tX");
  return !/^State:\s+[XZ]/m.test(status);
}
