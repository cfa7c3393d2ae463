import { commandText } from "@aura-servers/client";
import { CircleAlert } from "lucide-react";
import { Loading } from "../ui/Loading.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { clockTime, fullTime } from "../ui/time.ts";
import type { Run } from "./commandTranscript.ts";
import styles from "./CommandRun.module.css";

/** A command and its answer, as a terminal shows them. */
export function CommandRun({ run }: { run: Run }) {
  const text = run.chunks && commandText({ chunks: run.chunks });
  return (
    <article className={styles.run} aria-label={`${run.command}, ${clockTime(run.at)}`}>
      <header className={styles.head}>
        <code className={styles.command}>{run.command}</code>
        <time dateTime={run.at} title={fullTime(run.at)}>{clockTime(run.at)}</time>
      </header>
      {text !== undefined && (
        <div className={styles.answer}>
          <pre tabIndex={0}>{text}</pre>
          <CopyButton text={() => text} />
        </div>
      )}
      {run.error && (
        <div className={styles.error} role="alert">
          <CircleAlert size={15} aria-hidden="true" />
          <p>
            {run.error.message}
            {run.error.hint && <span>{run.error.hint}</span>}
          </p>
        </div>
      )}
      {text === undefined && !run.error && (
        <div className={styles.wait}>
          <Loading label="Running" />
        </div>
      )}
    </article>
  );
}
