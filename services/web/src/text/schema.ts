import { defaultSchema } from "rehype-sanitize";

type Schema = typeof defaultSchema;

/** What Markdown can say, and nothing else: HTML is not read as such, so there is no reason for anything that only HTML can say. */
export const schema: Schema = {
  ...defaultSchema,
  ancestors: {},
  attributes: {
    a: ["href", "dataFootnoteBackref", "dataFootnoteRef", "ariaLabel", "ariaDescribedBy", "id"],
    code: [["className", /^language-./u]],
    h2: [["className", "sr-only"], "id"],
    img: ["src", "alt"],
    input: [["disabled", true], ["type", "checkbox"], "checked"],
    li: [["className", "task-list-item"], "id"],
    ol: ["start", ["className", "contains-task-list"]],
    section: ["dataFootnotes", ["className", "footnotes"]],
    td: ["align"],
    th: ["align"],
    ul: [["className", "contains-task-list"]],
  },
  // Ids are of notes alone, and have a prefix of their block.
  clobber: [],
  clobberPrefix: "",
  protocols: { href: ["http", "https", "mailto"], src: ["http", "https", "data"] },
  required: { input: { disabled: true, type: "checkbox" } },
  strip: ["script", "style"],
  tagNames: [
    ...["a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "input"],
    ...["li", "ol", "p", "pre", "section", "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  ],
};
