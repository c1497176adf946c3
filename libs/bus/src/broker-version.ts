/** The first version of nats-server that kept every promise with three copies of each stream: see docs/adr/0009. */
export const oldestForCluster = "2.12";

/** The first version whose streams have metadata. */
const oldestForMetadata = "2.10";

function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

/** Whether a cluster of this version loses or doubles events when one of its servers dies. One copy on one server is safe with any version. */
export function isTooOldForCluster(version: string): boolean {
  return isOlder(version, oldestForCluster);
}

/** Whether a stream of this version has metadata. */
export function hasStreamMetadata(version: string): boolean {
  return !isOlder(version, oldestForMetadata);
}
