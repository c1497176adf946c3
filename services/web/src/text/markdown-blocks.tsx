import { memo, useId, useMemo, useState } from "react";
import ReactMarkdown, { type Options } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import { harden } from "rehype-harden";
import remarkGfm from "remark-gfm";
import remend from "remend";
import { allowedAddresses } from "./allowed-addresses.ts";
import { withTableBegun } from "./begun-table.ts";
import { createSplitter, definitionsFor, type Block } from "./blocks.ts";
import { CodeBlock } from "./code-block.tsx";
import { elements } from "./elements.tsx";
import { htmlAsText } from "./html-as-text.ts";
import { useKeptSelection } from "./kept-selection.ts";
import type { MarkdownProps } from "./markdown.tsx";
import { schema } from "./schema.ts";
import { withSourceLinks } from "./source-links.ts";

/** An answer's text. While it grows only its last block is read again. */
export const MarkdownBlocks = memo(function MarkdownBlocks({
  text: written,
  isStreaming = false,
  sources,
}: MarkdownProps) {
  // What is half written would change what stands before it.
  const text =
    sources === undefined || sources.count === 0 || isStreaming ? written : withSourceLinks(written, sources);
  const [split] = useState(createSplitter);
  useKeptSelection(isStreaming);
  const { groups, last, definitions } = split(text);
  const isOne =
    !isStreaming &&
    text.length <= wholeChars &&
    hasNotes(definitions) &&
    [...groups, last === undefined ? [] : [last]].every(isRead);
  if (isOne) return <WholeText text={text} isLast={false} />;
  return (
    <>
      {groups.map((blocks, index) => (
        // They only ever come behind others.
        <Group key={index} blocks={blocks} definitions={definitions} />
      ))}
      {last !== undefined && <OneBlock block={last} definitions={definitions} isLast={isStreaming} />}
    </>
  );
});

/** Notes are numbered from the first to the last and stand at the end, so a text that has some is read as a whole once it is whole. */
const wholeChars = 48_000;

function hasNotes(definitions: ReadonlyMap<string, string>): boolean {
  return [...definitions.keys()].some((label) => label.startsWith("^"));
}

/** What is too much in pieces is too much as a whole. */
function isRead(blocks: readonly Block[]): boolean {
  return blocks.every(({ kind }) => kind !== "plain");
}

interface GroupProps {
  readonly blocks: readonly Block[];
  readonly definitions: ReadonlyMap<string, string>;
}

const Group = memo(function Group({ blocks, definitions }: GroupProps) {
  return blocks.map((block, index) => <OneBlock key={index} block={block} definitions={definitions} isLast={false} />);
});

interface OneBlockProps {
  readonly block: Block;
  readonly definitions: ReadonlyMap<string, string>;
  readonly isLast: boolean;
}

function OneBlock({ block, definitions, isLast }: OneBlockProps) {
  if (block.kind === "code") {
    return <CodeBlock code={block.text} language={block.language} isOpen={isLast && !block.isClosed} />;
  }
  if (block.kind === "plain") return <p className="text-plain">{block.text}</p>;
  const before = definitionsFor(block.text, definitions);
  return <WholeText text={before === "" ? block.text : `${before}\n\n${block.text}`} isLast={isLast} />;
}

const remarkPlugins: Options["remarkPlugins"] = [htmlAsText, [remarkGfm, { singleTilde: false }]];

/** The last one allows more than ours: a lock of another maker behind it. */
const rehypePlugins: Options["rehypePlugins"] = [
  [rehypeSanitize, schema],
  allowedAddresses,
  [
    harden,
    {
      allowedLinkPrefixes: ["*"],
      allowedImagePrefixes: ["*"],
      allowDataImages: true,
      linkBlockPolicy: "text-only",
      imageBlockPolicy: "text-only",
    },
  ],
];

/** `allowedAddresses` has decided. */
const asItIs = (address: string): string => address;

/** Read in one go: what that takes grows with the text. */
export const WholeText = memo(function WholeText({
  text,
  isLast,
}: {
  readonly text: string;
  readonly isLast: boolean;
}) {
  const id = useId();
  // The notes of one message must not lead into another one.
  const remarkRehypeOptions = useMemo(() => ({ clobberPrefix: `${id.replaceAll(/\W/gu, "")}-` }), [id]);
  return (
    <ReactMarkdown
      remarkPlugins={remarkPlugins}
      rehypePlugins={rehypePlugins}
      remarkRehypeOptions={remarkRehypeOptions}
      components={elements}
      urlTransform={asItIs}
    >
      {isLast ? withTableBegun(remend(text, { linkMode: "text-only", htmlTags: false })) : text}
    </ReactMarkdown>
  );
});
