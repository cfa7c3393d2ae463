import { Square, SquareCheck } from "lucide-react";
import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { CopyButton } from "./CopyButton.tsx";
import styles from "./Markdown.module.css";

// Raw HTML in the source stays text (no rehype-raw), and images become links: what an agent wrote
// must neither run here nor make the reader's browser call an address of its choosing.
const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>
  ),
  img: ({ src, alt }) => (
    <a href={String(src)} target="_blank" rel="noopener noreferrer nofollow">
      {alt || String(src)}
    </a>
  ),
  // A task list's boxes: nobody can tick them here.
  input: ({ checked }) => {
    const Box = checked ? SquareCheck : Square;
    return <Box size={15} role="img" aria-label={checked ? "Done:" : "To do:"} />;
  },
  table: ({ children, dir }) => (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Table">
      <table dir={dir}>{children}</table>
    </div>
  ),
  pre: ({ children, node }) => (
    <div className={styles.block}>
      <pre tabIndex={0}>{children}</pre>
      <CopyButton text={() => textOf(node)} />
    </div>
  ),
};

type Node = { value?: string; tagName?: string; properties?: object; children?: Node[] };

/** Each block, code excepted, runs in the direction of its own script, with its bullets and bars. */
const directBlocks = () => (tree: Node) => {
  for (const node of tree.children ?? []) {
    if (node.tagName && node.tagName !== "pre") {
      node.properties = { ...node.properties, dir: "auto" };
    }
  }
};

const textOf = (node: unknown): string => {
  const { value, children } = (node ?? {}) as Node;
  return value ?? (children ?? []).map(textOf).join("");
};

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className={styles.markdown}>
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        rehypePlugins={[directBlocks]}
        components={components}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
});
