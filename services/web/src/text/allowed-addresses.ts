import type { ExtraProps } from "react-markdown";
import { imageAddress, linkAddress } from "./addresses.ts";

type Element = NonNullable<ExtraProps["node"]>;
type Child = Element["children"][number] | { type: "doctype" };

interface Tree {
  readonly children: Child[];
}

/** Of every link and image of an answer only the address that is allowed: other links are text, other images are links to what they would show. */
export function allowedAddresses(): (tree: Tree) => void {
  return look;
}

function look({ children }: Tree): void {
  for (const child of children) {
    if (child.type !== "element") continue;
    if (child.tagName === "a") allowLink(child);
    else if (child.tagName === "img") allowImage(child);
    look(child);
  }
}

function allowLink({ properties }: Element): void {
  const { href } = properties;
  const address = typeof href === "string" ? linkAddress(href) : undefined;
  if (address === undefined) delete properties["href"];
  else properties["href"] = address;
}

function allowImage(image: Element): void {
  const { src, alt } = image.properties;
  const wanted = typeof src === "string" ? src : "";
  const allowed = imageAddress(wanted);
  if (allowed !== undefined) {
    image.properties["src"] = allowed;
    return;
  }
  const href = linkAddress(wanted);
  const name = typeof alt === "string" ? alt : "";
  image.tagName = "a";
  image.properties = { ...(href === undefined ? {} : { href }), className: ["text-image-note"] };
  image.children = [{ type: "text", value: name }];
}
