import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { StartError } from "@parley/runtime";

/** Names of files, in PEM. They are read again at each connection, so that they can be renewed while the process runs. */
export interface TlsFiles {
  /** Authorities that sign the server's certificate, instead of those that Node knows. */
  readonly caFile?: string | undefined;
  /** The certificate of this process and its key, for servers that ask for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface TlsText {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** `NATS` or `REDIS`: how the settings begin that the sentences name. */
export type BrokerName = "NATS" | "REDIS";

/** The settings of a process (see `brokerFields`) as the options of `openBus`. */
export function natsAddress(config: {
  NATS_URL: string;
  NATS_CA_FILE?: string | undefined;
  NATS_CERT_FILE?: string | undefined;
  NATS_KEY_FILE?: string | undefined;
}): { servers: string; tls: TlsFiles } {
  const { NATS_URL: servers, NATS_CA_FILE: caFile, NATS_CERT_FILE: certFile, NATS_KEY_FILE: keyFile } = config;
  return { servers, tls: { caFile, certFile, keyFile } };
}

/** The settings of a process (see `redisFields`) as the options of `connectRedis`. */
export function redisAddress(config: {
  REDIS_URL: string;
  REDIS_CA_FILE?: string | undefined;
  REDIS_CERT_FILE?: string | undefined;
  REDIS_KEY_FILE?: string | undefined;
}): { url: string; tls: TlsFiles } {
  const { REDIS_URL: url, REDIS_CA_FILE: caFile, REDIS_CERT_FILE: certFile, REDIS_KEY_FILE: keyFile } = config;
  return { url, tls: { caFile, certFile, keyFile } };
}

function read(file: string, setting: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new StartError(`${setting} cannot be read: ${file}.`, { cause });
  }
}

function requireCertificate(text: string | undefined, setting: string): void {
  if (text === undefined) return;
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new StartError(`${setting} has no certificate in PEM.`, { cause });
  }
}

/** The files, found to be usable. Throws a `StartError` that names the setting. */
export function readTls(broker: BrokerName, { caFile, certFile, keyFile }: TlsFiles): TlsText {
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new StartError(`${broker}_CERT_FILE and ${broker}_KEY_FILE belong together: only one of them is set.`);
  const text = {
    ...(caFile === undefined ? {} : { ca: read(caFile, `${broker}_CA_FILE`) }),
    ...(certFile === undefined ? {} : { cert: read(certFile, `${broker}_CERT_FILE`) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, `${broker}_KEY_FILE`) }),
  };
  requireCertificate(text.ca, `${broker}_CA_FILE`);
  requireCertificate(text.cert, `${broker}_CERT_FILE`);
  try {
    createSecureContext(text);
  } catch (cause) {
    throw new StartError(`${broker}_KEY_FILE is not the key of the certificate in ${broker}_CERT_FILE.`, { cause });
  }
  return text;
}

/** Throws the `StartError` with which a connection would begin, without making one. */
export function requireTlsFiles(broker: BrokerName, url: string, files: TlsFiles): void {
  const scheme = broker === "NATS" ? "tls" : "rediss";
  if (url.startsWith(`${scheme}:`)) readTls(broker, files);
  else requireTlsAddress(broker, files, scheme);
}

/** Files that no connection would use are a mistake: somebody takes it for safe. */
export function requireTlsAddress(broker: BrokerName, files: TlsFiles, scheme: "tls" | "rediss"): void {
  const set = Object.entries({ CA: files.caFile, CERT: files.certFile, KEY: files.keyFile }).find(([, file]) => file);
  if (set === undefined) return;
  throw new StartError(
    `${broker}_${set[0]}_FILE is set, but ${broker}_URL does not ask for TLS: it has to begin with ${scheme}://.`,
  );
}
