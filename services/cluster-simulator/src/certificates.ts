import { generate } from "selfsigned";

const LIFE_MS = 365 * 24 * 60 * 60_000;
/** A client whose clock is a little behind must not find the certificate "not yet valid". */
const BACKDATED_MS = 60 * 60_000;

export type Certificates = { caCert: string; serverCert: string; serverKey: string };

/** A certificate authority for this one run, and a server certificate for the loopback addresses that it signed. */
export async function createCertificates(): Promise<Certificates> {
  const validity = { notBeforeDate: new Date(Date.now() - BACKDATED_MS), notAfterDate: new Date(Date.now() + LIFE_MS) };
  const key = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;
  const ca = await generate([{ name: "commonName", value: "parley-simulated-ca" }], {
    ...validity,
    ...key,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "parley-simulated" }], {
    ...validity,
    ...key,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return { caCert: ca.cert, serverCert: server.cert, serverKey: server.private };
}
