import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import styles from "./IconButton.module.css";

type Props = Omit<ComponentProps<"button">, "children" | "aria-label"> & {
  icon: LucideIcon;
  label: string;
  size?: number;
};

/** A button that shows only an icon: its label is read aloud, and shown as a tooltip. */
export function IconButton({ icon: Icon, label, size = 18, className, ...props }: Props) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={[styles.button, className].filter(Boolean).join(" ")}
      {...props}
    >
      <Icon size={size} aria-hidden="true" />
    </button>
  );
}
