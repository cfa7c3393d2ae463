import { Check, Copy } from "lucide-react";
import { useState } from "react";
import styles from "./CopyButton.module.css";

/** Copies a block's text; lies over the block's upper right corner. */
export function CopyButton({ text }: { text: () => string }) {
  const [copied, setCopied] = useState(false);
  async function copy() {
    await navigator.clipboard.writeText(text());
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  }
  const Icon = copied ? Check : Copy;
  return (
    <button
      type="button"
      className={styles.copy}
      onClick={copy}
      aria-label={copied ? "Copied" : "Copy"}
    >
      <Icon size={14} aria-hidden="true" />
    </button>
  );
}
