import styles from "./SegmentedControl.module.css";

interface Props<Value extends string> {
  label: string;
  value: Value;
  /** What each value is called. */
  options: Record<Value, string>;
  change: (value: Value) => void;
}

/** One of a few views of the same thing. */
export function SegmentedControl<Value extends string>(
  { label, value, options, change }: Props<Value>,
) {
  return (
    <div className={styles.group} role="group" aria-label={label}>
      {Object.entries<string>(options).map(([option, name]) => (
        <button
          key={option}
          type="button"
          className={styles.option}
          aria-pressed={option === value}
          onClick={() => change(option as Value)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
