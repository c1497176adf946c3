import type { BrokerName } from "./broker-tls.ts";

interface Failure {
  readonly broker: BrokerName;
  readonly isTlsAsked: boolean;
  /** Whether this process has one to show. */
  readonly hasCertificate: boolean;
  readonly error: unknown;
}

const shownName = { NATS: "NATS", REDIS: "Redis" } as const;
const schemes = { NATS: ["nats", "tls"], REDIS: ["redis", "rediss"] } as const;

/** What Node and OpenSSL call it when nobody here knows who signed. */
const unknownAuthority = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
]);
/** A server that is asked for TLS and answers with something else. */
const notTls = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|does not support 'tls'/;
/** What the server says of a certificate that this process gave or did not give. */
const wantsCertificate = /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/;
const refusesCertificate =
  /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/;

interface Words {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
}

function wordsOf(error: unknown): Words {
  if (!(error instanceof Error)) return { code: "", message: String(error), reason: "" };
  const textOf = (name: string): string => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "string" ? value : "";
  };
  return { code: textOf("code"), message: error.message, reason: textOf("reason") };
}

function certificateSentence(broker: BrokerName, { code, reason }: Words): string | undefined {
  const certificate = `The certificate of ${shownName[broker]}`;
  if (unknownAuthority.has(code))
    return `${certificate} is signed by an authority that is not known here: name that authority's certificate in ${broker}_CA_FILE.`;
  if (code === "CERT_HAS_EXPIRED") return `${certificate} has expired: renew it.`;
  if (code === "CERT_NOT_YET_VALID") return `${certificate} is not valid yet: look at the clocks.`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `${certificate} is for another host than ${broker}_URL names: ${reason.replace(/\.$/, "")}.`;
  return undefined;
}

function serverSentence(broker: BrokerName, { code, message }: Words, hasCertificate: boolean): string | undefined {
  const name = shownName[broker];
  const words = `${code} ${message}`;
  const isRefusal = refusesCertificate.test(words);
  // NATS calls none at all a bad one.
  if (wantsCertificate.test(words) || (isRefusal && !hasCertificate))
    return `${name} asks this process for a certificate: name it in ${broker}_CERT_FILE and ${broker}_KEY_FILE.`;
  return isRefusal ? `${name} does not accept the certificate in ${broker}_CERT_FILE.` : undefined;
}

export function speaksNoTls(broker: BrokerName): string {
  const [plain] = schemes[broker];
  return `${shownName[broker]} does not speak TLS at the address in ${broker}_URL: give the server a certificate, or write ${plain}://.`;
}

export function speaksOnlyTls(broker: BrokerName): string {
  const [, secured] = schemes[broker];
  return `${shownName[broker]} speaks only TLS at the address in ${broker}_URL: write ${secured}://, and see ${broker}_CA_FILE.`;
}

/** One sentence for whoever can mend it, when it was TLS that failed; undefined for any other failure. */
export function tlsFailure({ broker, isTlsAsked, hasCertificate, error }: Failure): string | undefined {
  const words = wordsOf(error);
  if (isTlsAsked && notTls.test(`${words.code} ${words.message}`)) return speaksNoTls(broker);
  const sentence = certificateSentence(broker, words) ?? serverSentence(broker, words, hasCertificate);
  return isTlsAsked || sentence === undefined ? sentence : speaksOnlyTls(broker);
}
