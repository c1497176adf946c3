/** What a path of the resource API names. */
export type ResourcePath = {
  group: string;
  version: string;
  plural: string;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
};

/** `/api/v1/…` and `/apis/<group>/<version>/…`; undefined when the path names no resource. */
export function readResourcePath(pathname: string): ResourcePath | undefined {
  const parts = pathname.split("/").slice(1).map(decodeSafely);
  if (parts[0] === "api") return resourcePath("", parts[1], parts.slice(2));
  return parts[0] === "apis" ? resourcePath(parts[1], parts[2], parts.slice(3)) : undefined;
}

function resourcePath(group = "", version = "", parts: readonly string[]): ResourcePath | undefined {
  const namespace = isScoped(parts) ? parts[1] : undefined;
  const [plural = "", name, subresource, ...rest] = namespace === undefined ? parts : parts.slice(2);
  if (version === "" || plural === "" || rest.length > 0) return undefined;
  return { group, version, plural, namespace, name, subresource };
}

/** `namespaces/x/pods` is about pods; `namespaces/x` and `namespaces/x/status` are about the namespace. */
function isScoped(parts: readonly string[]): boolean {
  return parts[0] === "namespaces" && parts.length > 2 && parts[2] !== "status" && parts[2] !== "finalize";
}

function decodeSafely(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
