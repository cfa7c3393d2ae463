import { useState } from "react";
import { Button } from "./Button.tsx";
import styles from "./PlainText.module.css";

/** So much is laid out at once without anybody noticing. */
const SHOWN = 16_000;

/** A text exactly as it was written; of a very long one the first part, and the rest when asked for. */
export function PlainText({ text, code = false }: { text: string; code?: boolean }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > SHOWN + 1000;
  return (
    <>
      <p className={styles.text} dir="auto" data-code={code || undefined}>
        {cut ? `${text.slice(0, SHOWN)}…` : text}
      </p>
      {cut && (
        <Button className={styles.more} onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString()} characters
        </Button>
      )}
    </>
  );
}
