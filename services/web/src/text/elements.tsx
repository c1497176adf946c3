import { createElement, isValidElement, type ComponentProps, type MouseEvent, type ReactNode } from "react";
import type { Components, ExtraProps } from "react-markdown";
import { useWords } from "../words/use-words.ts";
import { hostBehind } from "./addresses.ts";
import { CodeBlock } from "./code-block.tsx";

type Props<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & ExtraProps;

/** What the elements of an answer become. */
export const elements: Components = {
  a: Link,
  img: ({ src, alt }: Props<"img">) => <img className="text-image" src={src} alt={alt ?? ""} loading="lazy" />,
  // Each by its own first letter: an answer may have paragraphs of several scripts.
  p: ({ children }: Props<"p">) => <p dir="auto">{children}</p>,
  ul: ({ className, children }: Props<"ul">) => (
    <ul dir="auto" className={className}>
      {children}
    </ul>
  ),
  ol: ({ className, start, children }: Props<"ol">) => (
    <ol dir="auto" className={className} start={start}>
      {children}
    </ol>
  ),
  li: ({ className, id, children }: Props<"li">) => (
    <li dir="auto" className={className} id={id}>
      {children}
    </li>
  ),
  blockquote: ({ children }: Props<"blockquote">) => <blockquote dir="auto">{children}</blockquote>,
  pre: Preformatted,
  table: Table,
  th: ({ style, children }: Props<"th">) => (
    <th scope="col" dir="auto" className={alignment(style?.textAlign)}>
      {children}
    </th>
  ),
  td: ({ style, children }: Props<"td">) => (
    <td dir="auto" className={alignment(style?.textAlign)}>
      {children}
    </td>
  ),
  input: ({ checked }: Props<"input">) => <Task isDone={checked === true} />,
  // The page has its own first two levels: those of an answer stand below them.
  h1: (props: Props<"h1">) => heading(3, props),
  h2: (props: Props<"h2">) => heading(4, props),
  h3: (props: Props<"h3">) => heading(5, props),
  h4: (props: Props<"h4">) => heading(6, props),
  h5: (props: Props<"h5">) => heading(6, props),
  h6: (props: Props<"h6">) => heading(6, props),
};

function heading(level: number, { id, className, children }: Pick<Props<"h1">, "id" | "className" | "children">) {
  const own = className === "sr-only" ? "ui-hidden" : `text-heading-${level}`;
  return createElement(`h${level}`, { id, className: own, dir: "auto" }, children);
}

function alignment(align: string | undefined): string | undefined {
  return align === "right" || align === "center" ? `text-align-${align}` : undefined;
}

function Link({ href, className, id, node, children, ...rest }: Props<"a">) {
  const { text } = useWords().message;
  if (className === "text-image-note") return <ImageNote href={href}>{children}</ImageNote>;
  if (href === undefined) return <span className="text-no-link">{children}</span>;
  const label = rest["aria-label"];
  if (href.startsWith("#")) {
    return (
      <a href={href} id={id} aria-label={label} onClick={goToNote}>
        {children}
      </a>
    );
  }
  const host = hostBehind(href, textIn(node));
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
        <bdi>{children}</bdi>
        <span className="ui-hidden">{` ${text.newTab}`}</span>
      </a>
      {host !== undefined && <bdi className="text-link-host">{` (${host})`}</bdi>}
    </>
  );
}

type Node = NonNullable<ExtraProps["node"]>["children"][number];

function textIn(node: Node | undefined): string {
  if (node?.type === "text") return node.value;
  return node?.type === "element" ? node.children.map(textIn).join("") : "";
}

/** An address with `#` would be one of the page; inside a shadow root it would not even be found. */
function goToNote(event: MouseEvent<HTMLAnchorElement>): void {
  event.preventDefault();
  const link = event.currentTarget;
  const root = link.getRootNode();
  if (!(root instanceof Document || root instanceof ShadowRoot)) return;
  const target = root.getElementById(link.hash.slice(1));
  target?.scrollIntoView({ block: "nearest" });
  target?.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
}

/** An image that is not loaded: who wrote its address would learn that this answer was read, and what the model wrote into it. */
function ImageNote({ href, children }: { readonly href: string | undefined; readonly children: ReactNode }) {
  const { text } = useWords().message;
  const host = href === undefined ? "" : hostOf(href);
  return (
    <span className="text-image-note" title={text.imageWhy}>
      {text.image} {children}
      {host !== "" && (
        <>
          {" "}
          <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
            {text.imageOpen(host)}
          </a>
        </>
      )}
    </span>
  );
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "";
}

/** Wide ones scroll in their box, which the keyboard reaches. */
function Table({ children }: Props<"table">) {
  const { text } = useWords().message;
  return (
    <div className="text-table" role="region" aria-label={text.table} tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}

function Task({ isDone }: { readonly isDone: boolean }) {
  const { text } = useWords().message;
  return <input type="checkbox" checked={isDone} disabled readOnly aria-label={isDone ? text.done : text.notDone} />;
}

function Preformatted({ children }: Props<"pre">) {
  const { code, language } = codeIn(children);
  return <CodeBlock code={code} language={language} />;
}

function codeIn(children: ReactNode): { code: string; language: string } {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return { code: "", language: "" };
  const { className = "", children: code } = children.props;
  const text = typeof code === "string" ? code : "";
  return { code: text.replace(/\n$/u, ""), language: /language-(\S+)/u.exec(className)?.[1] ?? "" };
}
