import { CircleAlert } from "lucide-react";
import { errorText } from "./errorText.ts";
import { Button } from "./Button.tsx";
import { Notice } from "./Notice.tsx";
import styles from "./Failure.module.css";

/** A view that could not be read, with a way to try again. */
export function Failure(
  { title, error, retry }: { title: string; error: unknown; retry: () => void },
) {
  const { message, hint } = errorText(error);
  return (
    <div role="alert" className={styles.view}>
      <Notice icon={CircleAlert} title={title} action={<Button onClick={retry}>Try again</Button>}>
        <p>{message}</p>
        {hint && <p>{hint}</p>}
      </Notice>
    </div>
  );
}

/** A refused action, beside the control that asked for it. */
export function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  const { message, hint } = errorText(error);
  return (
    <p role="alert" className={styles.refusal}>
      <CircleAlert size={15} aria-hidden="true" />
      <span>
        {message}
        {hint && <span className={styles.hint}>{hint}</span>}
      </span>
    </p>
  );
}
