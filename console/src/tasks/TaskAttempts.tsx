import type { TaskAttempt } from "@aura-servers/client";
import { Elapsed } from "../ui/Age.tsx";
import { clockTime, fullTime } from "../ui/time.ts";
import styles from "./TaskAttempts.module.css";

/** Every claim of the task, and how it ended; `told` is an error that stands elsewhere already. */
export function TaskAttempts(
  { attempts, told }: { attempts: TaskAttempt[]; told: string | null },
) {
  return (
    <section aria-label="Attempts">
      <h3 className={styles.title}>Attempts</h3>
      <ol className={styles.list}>
        {attempts.map((attempt) => (
          <li key={attempt.claim_id} data-outcome={attempt.outcome ?? "running"}>
            <span className={styles.line}>
              <strong>{(attempt.outcome ?? "running").replaceAll("_", " ")}</strong>
              <span>{attempt.model}{attempt.device && ` on ${attempt.device}`}</span>
              <span className={styles.time}>
                <time dateTime={attempt.started_at} title={fullTime(attempt.started_at)}>
                  {clockTime(attempt.started_at)}
                </time>{" "}
                · <Elapsed from={attempt.started_at} to={attempt.ended_at} />
              </span>
            </span>
            {attempt.error && attempt.error !== told && (
              <p className={styles.error}>{attempt.error}</p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
