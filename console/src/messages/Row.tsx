import type { ReactNode } from "react";
import styles from "./Row.module.css";

/** The grid every message shares: a gutter for a face, an icon or a dot, and the content. */
export function Row(
  { gutter, children, first = false, name }: {
    gutter?: ReactNode;
    children: ReactNode;
    first?: boolean;
    name: string;
  },
) {
  return (
    <article className={styles.row} data-first={first || undefined} aria-label={name}>
      <div className={styles.gutter}>{gutter}</div>
      <div className={styles.content}>{children}</div>
    </article>
  );
}
