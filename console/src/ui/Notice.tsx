import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Notice.module.css";

/** What a view says when it has nothing to list, or could not be read. */
export function Notice(
  { icon: Icon, title, children, action }: {
    icon: LucideIcon;
    title: string;
    children?: ReactNode;
    action?: ReactNode;
  },
) {
  return (
    <div className={styles.notice}>
      <Icon size={26} strokeWidth={1.6} aria-hidden="true" />
      <h2>{title}</h2>
      {children && <div className={styles.text}>{children}</div>}
      {action}
    </div>
  );
}
