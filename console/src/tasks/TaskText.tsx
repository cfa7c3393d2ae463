import { CopyButton } from "../ui/CopyButton.tsx";
import { Markdown } from "../ui/Markdown.tsx";
import styles from "./TaskText.module.css";

/** A long text of a task: `plain` exactly as written, else as markdown. */
export function TaskText(
  { title, text, plain = false, bad = false }: {
    title: string;
    text: string;
    plain?: boolean;
    bad?: boolean;
  },
) {
  return (
    <section className={styles.section} aria-label={title}>
      <h3>{title}</h3>
      <div className={styles.box}>
        <div
          className={styles.text}
          tabIndex={0}
          role="region"
          aria-label={title}
          data-bad={bad || undefined}
        >
          {plain ? <p className={styles.plain}>{text}</p> : <Markdown text={text} />}
        </div>
        <CopyButton text={() => text} />
      </div>
    </section>
  );
}
