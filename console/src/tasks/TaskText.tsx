import { CopyButton } from "../ui/CopyButton.tsx";
import { PlainText } from "../ui/PlainText.tsx";
import { RichText } from "../ui/RichText.tsx";
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
          {plain ? <PlainText text={text} /> : <RichText text={text} />}
        </div>
        <CopyButton text={() => text} />
      </div>
    </section>
  );
}
