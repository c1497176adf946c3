import { expired, statusBody } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import type { JsonObject } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import type { Change } from "../store/object-store.ts";
import { apiVersionOf } from "../store/resource-kind.ts";
import { pause } from "./log-request.ts";
import { selectionOf } from "./reads.ts";
import { type ApiReply, isTrue, type ResourceRequest } from "./request.ts";
import { tableBody, wantsTable } from "./tables.ts";

/** Time passes without anybody's doing, so that the cluster is looked at this often while somebody watches. */
const LOOK_MS = 100;
const BOOKMARK_MS = 10_000;
const DEFAULT_TIMEOUT_S = 1_800;

type Frame = { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"; object: JsonObject };

/**
 * A watch: first, unless the client names a version it has seen, everything that is there; then each change as it comes. An object that no
 * longer fits the selection is deleted as far as this client is concerned.
 */
export function watchReply(cluster: Cluster, request: ResourceRequest): ApiReply {
  const query = request.url.searchParams;
  const seen = query.get("resourceVersion") ?? "";
  const wantsBookmarks = isTrue(query.get("allowWatchBookmarks"));
  const isSelected = selectionOf(request);
  return {
    contentType: "application/json",
    stream: async (write, signal) => {
      const send = (frame: Frame): void => write(`${JSON.stringify(frame)}\n`);
      const present = (object: KubeObject): JsonObject => shown(cluster, request, object);
      const endMs = performance.now() + Number(query.get("timeoutSeconds") ?? DEFAULT_TIMEOUT_S) * 1_000;
      let version = cluster.store.version();
      if (seen === "" || seen === "0") {
        for (const object of cluster.store.list(request.kind).filter(isSelected))
          send({ type: "ADDED", object: present(object) });
        if (isTrue(query.get("sendInitialEvents")))
          send(bookmark(request, version, { "k8s.io/initial-events-end": "true" }));
      } else version = Number(seen);
      let bookmarkMs = performance.now() + BOOKMARK_MS;
      while (!signal.aborted && performance.now() < endMs) {
        if (version < cluster.store.compacted()) {
          const gone = expired(`too old resource version: ${version} (${cluster.store.compacted()})`);
          send({ type: "ERROR", object: statusBody(gone) });
          return;
        }
        for (const change of cluster.store.since(request.kind, version))
          for (const frame of framesOf(change, isSelected, present)) send(frame);
        version = Math.max(version, cluster.store.version());
        if (wantsBookmarks && performance.now() >= bookmarkMs) {
          send(bookmark(request, version));
          bookmarkMs = performance.now() + BOOKMARK_MS;
        }
        await nextChange(cluster, signal);
      }
      if (wantsBookmarks && !signal.aborted) send(bookmark(request, version));
    },
  };
}

function framesOf(
  { type, object, before }: Change,
  isSelected: (object: KubeObject) => boolean,
  present: (object: KubeObject) => JsonObject,
): Frame[] {
  const was = before !== undefined && isSelected(before);
  const is = type !== "DELETED" && isSelected(object);
  if (is) return [{ type: was ? "MODIFIED" : "ADDED", object: present(object) }];
  return was ? [{ type: "DELETED", object: present(object) }] : [];
}

function shown({ now }: Cluster, { kind, accept, url }: ResourceRequest, object: KubeObject): JsonObject {
  if (!wantsTable(accept)) return object;
  const { resourceVersion } = object.metadata;
  return tableBody({ kind, nowMs: now(), includeObject: url.searchParams.get("includeObject") }, [object], {
    resourceVersion,
  });
}

function bookmark({ kind }: ResourceRequest, version: number, annotations?: Record<string, string>): Frame {
  const metadata = {
    resourceVersion: String(version),
    creationTimestamp: null,
    ...(annotations !== undefined && { annotations }),
  };
  return { type: "BOOKMARK", object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata } };
}

/** Waits for a change or a moment of time, and lets the cluster live up to it. */
async function nextChange(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const changed = new AbortController();
  const stop = cluster.store.onChange(() => changed.abort());
  await pause(LOOK_MS, AbortSignal.any([signal, changed.signal]));
  stop();
  if (!signal.aborted) cluster.settle();
}
