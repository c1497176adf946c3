import { writeFile } from "node:fs/promises";
import path from "node:path";
import { generate } from "selfsigned";

const dayMs = 86_400_000;
const key = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;

interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority {
  readonly caFile: string;
  /** For this machine's own address unless told otherwise, from yesterday until tomorrow unless it has expired. */
  issue(name: string, options?: { host?: string; hasExpired?: boolean }): Promise<KeyPair>;
}

/** A certificate authority of a test, whose files are in that folder. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const validity = { notBeforeDate: new Date(Date.now() - 2 * dayMs), notAfterDate: new Date(Date.now() + dayMs) };
  const ca = await generate([{ name: "commonName", value: name }], {
    ...validity,
    ...key,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const caFile = path.join(folder, `${name}.pem`);
  await writeFile(caFile, ca.cert);
  return {
    caFile,
    async issue(owner, { host, hasExpired = false } = {}) {
      const until = hasExpired ? { notAfterDate: new Date(Date.now() - dayMs) } : {};
      const altNames =
        host === undefined ? [{ type: 7 as const, ip: "127.0.0.1" }] : [{ type: 2 as const, value: host }];
      const pair = await generate([{ name: "commonName", value: owner }], {
        ...validity,
        ...until,
        ...key,
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "keyUsage", digitalSignature: true, critical: true },
          { name: "extKeyUsage", serverAuth: true, clientAuth: true },
          { name: "subjectAltName", altNames },
        ],
      });
      const files = { certFile: path.join(folder, `${owner}.crt`), keyFile: path.join(folder, `${owner}.key`) };
      await writeFile(files.certFile, pair.cert);
      await writeFile(files.keyFile, pair.private);
      return files;
    },
  };
}
