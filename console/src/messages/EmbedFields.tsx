import type { Embed } from "@aura-servers/client";
import styles from "./EmbedFields.module.css";

/** Inline fields share lines, the others have one each. */
export function EmbedFields({ fields }: { fields: NonNullable<Embed["fields"]> }) {
  return (
    <dl className={styles.fields}>
      {fields.map((field, index) => (
        <div key={index} data-inline={field.inline || undefined}>
          <dt>{field.name}</dt>
          <dd dir="auto">{field.value}</dd>
        </div>
      ))}
    </dl>
  );
}
