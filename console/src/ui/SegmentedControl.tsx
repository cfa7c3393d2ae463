import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
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
    <ToggleGroup
      className={styles.group}
      aria-label={label}
      value={[value]}
      onValueChange={([chosen]) => chosen && change(chosen as Value)}
    >
      {Object.entries<string>(options).map(([option, name]) => (
        <Toggle key={option} value={option} className={styles.option}>{name}</Toggle>
      ))}
    </ToggleGroup>
  );
}
