import { ChevronDown } from "lucide-react";
import styles from "./Select.module.css";

interface Props {
  label: string;
  value: string;
  /** What each value is called. */
  options: Record<string, string>;
  change: (value: string) => void;
}

/** A small choice of a few words: the browser's own list, which every device knows how to show. */
export function Select({ label, value, options, change }: Props) {
  return (
    <span className={styles.select}>
      <select aria-label={label} value={value} onChange={(event) => change(event.target.value)}>
        {Object.entries(options).map(([option, name]) => (
          <option key={option} value={option}>{name}</option>
        ))}
      </select>
      <ChevronDown size={13} aria-hidden="true" />
    </span>
  );
}
