import type { Task } from "@aura-servers/client";
import { Link } from "wouter";
import { Age } from "../ui/Age.tsx";
import { fullTime } from "../ui/time.ts";
import styles from "./TaskFacts.module.css";

/** A page of the console. */
export interface Place {
  name: string;
  href: string;
}

/** Model, device, place, attempts and times of a task. */
export function TaskFacts({ task, place }: { task: Task; place: Place | null }) {
  const facts: Record<string, React.ReactNode> = {
    Model: task.model_used ?? `${task.model_preference ?? "any"} (preferred)`,
    Device: task.claimed_by,
    Project: task.project,
    Channel: place && <Link href={place.href}>{place.name}</Link>,
    Platform: task.platform,
    Kind: task.kind === "task" ? null : task.kind,
    Type: task.task_type,
    Attempt: task.attempt > 0 &&
      `${task.attempt}${task.max_attempts ? ` of ${task.max_attempts}` : ""}`,
    Priority: task.priority !== 0 && String(task.priority),
    "Not before": task.run_at && fullTime(task.run_at),
    Queued: task.created_at && <Age since={task.created_at} ago />,
    Finished: task.finished_at && <Age since={task.finished_at} ago />,
    Usage: usage(task.usage),
  };
  return (
    <dl className={styles.facts}>
      {Object.entries(facts).filter(([, value]) => value).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What the executor reported of tokens and cost, as it named them. */
function usage(reported: unknown): string | null {
  if (typeof reported !== "object" || reported === null) return null;
  return Object.entries(reported)
    .filter(([, value]) => typeof value === "number" || typeof value === "string")
    .map(([name, value]) =>
      `${typeof value === "number" ? value.toLocaleString() : value} ${name.replaceAll("_", " ")}`
    )
    .join(" · ") || null;
}
