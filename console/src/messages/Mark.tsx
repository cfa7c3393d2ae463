import type { LucideIcon } from "lucide-react";
import type { Tone } from "./lifecycle.ts";
import styles from "./Mark.module.css";

/** The icon in a message's gutter. */
export function Mark(
  { icon: Icon, tone = "quiet", boxed = false }: { icon: LucideIcon; tone?: Tone; boxed?: boolean },
) {
  return (
    <span className={styles.mark} data-tone={tone} data-boxed={boxed || undefined}>
      <Icon size={boxed ? 17 : 16} strokeWidth={boxed ? 1.9 : 2.1} aria-hidden="true" />
    </span>
  );
}
