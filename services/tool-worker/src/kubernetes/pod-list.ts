import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
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

/** Where the next rows of a list of pods begin: at this place of the cluster, after so many of what was found there. */
export interface PageToken {
  readonly from: PodPosition;
  readonly offset: number;
}

const Fields = z.tuple([z.int().min(0).max(10_000), z.string().max(4_096).nullable(), z.int().min(0).max(10_000)]);

export function encodePageToken({ from: { place, token }, offset }: PageToken): string {
  return Buffer.from(JSON.stringify([place, token ?? null, offset])).toString("base64url");
}

/** A ToolError for what is none. It carries no rights: what it leads to is checked as if it were asked for directly. */
export function decodePageToken(text: string): PageToken {
  const { success, data } = Fields.safeParse(parse(Buffer.from(text, "base64url").toString()));
  if (!success) throw new ToolError("continue is not one that this tool gave; leave it out to begin anew.");
  const [place, token, offset] = data;
  return { from: { place, ...(token === null ? {} : { token }) }, offset };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
