import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import type { PodPosition } from "./pod-list.ts";

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
