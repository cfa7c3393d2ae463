import type { ComponentProps } from "react";
import styles from "./Button.module.css";

type Props = ComponentProps<"button"> & { look?: "plain" | "primary" | "danger" };

export function Button({ look = "plain", className, type = "button", ...props }: Props) {
  return (
    <button
      type={type}
      className={[styles.button, styles[look], className].filter(Boolean).join(" ")}
      {...props}
    />
  );
}
