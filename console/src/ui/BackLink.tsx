import { ChevronLeft } from "lucide-react";
import { Link } from "wouter";
import styles from "./BackLink.module.css";

interface Props {
  href: string;
  label: string;
  /** Where what lies behind is not beside it: on phones, or wherever threads have no column. */
  on: "phone" | "narrow";
}

/** The way from a page to the list it was chosen from. */
export function BackLink({ href, label, on }: Props) {
  return (
    <Link href={href} className={styles.back} data-on={on} aria-label={label}>
      <ChevronLeft size={22} aria-hidden="true" />
    </Link>
  );
}
