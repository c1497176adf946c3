import { builtInKind } from "./built-in-kinds.ts";
import type { Cluster } from "./cluster.ts";
import { readPage, type ObjectPage } from "./object-list.ts";
import { Pod } from "./pod-objects.ts";
import { typed } from "./reading.ts";

export interface PodQuery {
  /** Absent: all that may be read. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Where a list that was too long is gone on with. */
export interface PodPosition {
  /** Which of the namespaces that may be read; 0 where all may be. */
  readonly place: number;
  /** The server's, within it. */
  readonly token?: string | undefined;
}

export interface PodListing {
  readonly pods: readonly Pod[];
  /** There are more than were looked at, from here on. */
  readonly next?: PodPosition;
}

const PAGE = 500;
/** 2,000 pods are about 20 MB as JSON; who needs others narrows the list by selectors, or goes on. */
const maxPods = 2_000;

/** The pods that match, in the server's order (namespace, name), up to a limit. */
export async function listPods(
  cluster: Cluster,
  { namespace, labelSelector, fieldSelector, from = { place: 0 } }: PodQuery & { from?: PodPosition },
  signal: AbortSignal,
): Promise<PodListing> {
  const namespaces = namespace === undefined ? (cluster.namespaces.only ?? [undefined]) : [namespace];
  const pods: Pod[] = [];
  let { token } = from;
  for (let { place } = from; place < namespaces.length; place++) {
    do {
      if (pods.length >= maxPods) return { pods, next: { place, token } };
      const query = { namespace: namespaces[place], labelSelector, fieldSelector, continue: token };
      const page: ObjectPage = await readPage(cluster, builtInKind("Pod"), { ...query, limit: PAGE, signal });
      pods.push(...typed(page.items, Pod));
      token = page.next;
    } while (token !== undefined);
  }
  return { pods };
}
