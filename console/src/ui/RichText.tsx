import { memo, Suspense, useMemo, useState } from "react";
import { Boundary } from "./Boundary.tsx";
import { later } from "./later.ts";
import { isQuickMarkdown } from "./markdownCost.ts";
import { PlainText } from "./PlainText.tsx";
import styles from "./RichText.module.css";

const Markdown = later(() => import("./Markdown.tsx").then(({ Markdown }) => Markdown));

/**
 * What an agent wrote, as markdown. A text that would take long to format is plain at once, with a
 * switch; so is one that cannot be formatted at all, and every text until the formatter is loaded.
 */
export const RichText = memo(function RichText({ text }: { text: string }) {
  const quick = useMemo(() => isQuickMarkdown(text), [text]);
  const [asked, ask] = useState(false);
  const plain = <PlainText text={text} />;
  return (
    <>
      {quick || asked
        ? (
          <Boundary of={text} fallback={() => plain}>
            <Suspense fallback={plain}>
              <Markdown text={text} />
            </Suspense>
          </Boundary>
        )
        : plain}
      {!quick && (
        <button
          type="button"
          className={styles.switch}
          aria-pressed={asked}
          onClick={() => ask(!asked)}
        >
          {asked ? "Show as plain text" : "Format as markdown"}
        </button>
      )}
    </>
  );
});
