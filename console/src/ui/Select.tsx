import { Select as Base } from "@base-ui/react/select";
import { Check, ChevronDown } from "lucide-react";
import styles from "./Select.module.css";

interface Props {
  label: string;
  value: string;
  /** What each value is called. */
  options: Record<string, string>;
  change: (value: string) => void;
}

/** A small choice of a few words. */
export function Select({ label, value, options, change }: Props) {
  return (
    <Base.Root items={options} value={value} onValueChange={(chosen) => chosen !== null && change(chosen)}>
      <Base.Trigger className={styles.trigger} aria-label={label}>
        <Base.Value />
        <ChevronDown size={13} aria-hidden="true" />
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner
          className={styles.layer}
          side="top"
          sideOffset={6}
          align="end"
          alignItemWithTrigger={false}
        >
          <Base.Popup className={styles.popup}>
            {Object.entries(options).map(([option, name]) => (
              <Base.Item key={option} value={option} className={styles.item}>
                <Base.ItemText>{name}</Base.ItemText>
                <Base.ItemIndicator><Check size={14} aria-hidden="true" /></Base.ItemIndicator>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
