import type { Explanation } from "@aura-servers/client";
import { CircleCheck, CircleHelp, LoaderCircle } from "lucide-react";
import { Age } from "../ui/Age.tsx";
import { fullTime } from "../ui/time.ts";
import styles from "./TaskExplanation.module.css";

const sentences: Record<string, string> = {
  waiting_for_device: "Waits: no device is online.",
  no_matching_platform: "Waits: no device of the platform it needs is online.",
  no_matching_model: "Waits: no online device has a model that can do it.",
  rate_limited: "Waits: every model that can do it is throttled.",
  devices_busy: "Waits: every device that can do it is busy.",
  device_draining: "Waits: the device that can do it is draining.",
  server_paused: "Waits: its server is paused.",
  scheduled: "Waits for the time it was scheduled for.",
  backoff: "Waits a while before it is tried again.",
  waiting_for_previous: "Waits for an earlier task of its thread.",
  running: "Runs.",
  finished: "Has ended.",
};

const icons = { running: LoaderCircle, finished: CircleCheck } as const;

/** Why the task is where it is, as the backend explains it. */
export function TaskExplanation({ explanation }: { explanation: Explanation }) {
  const { reason, since, detail } = explanation;
  const Icon = icons[reason as keyof typeof icons] ?? CircleHelp;
  return (
    <section className={styles.explanation} data-reason={reason} aria-label="Why it is where it is">
      <Icon size={17} aria-hidden="true" />
      <div>
        <p className={styles.sentence}>{sentences[reason] ?? reason.replaceAll("_", " ")}</p>
        <p className={styles.detail}>
          {since && (
            <span>
              since <Age since={since} ago />
            </span>
          )}
          {facts(detail).map(([name, value]) => <span key={name}>{name} {value}</span>)}
        </p>
      </div>
    </section>
  );
}

const isTime = (value: string) => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value);

/** The detail is an object whose keys depend on the reason; times are shown in the reader's zone. */
function facts(detail: unknown): [name: string, value: string][] {
  if (typeof detail === "string") return [["", detail]];
  if (typeof detail !== "object" || detail === null) return [];
  return Object.entries(detail)
    .filter(([, value]) =>
      value !== null && value !== "" && !(Array.isArray(value) && !value.length)
    )
    .map(([name, value]) => {
      const text = Array.isArray(value) ? value.join(", ") : String(value);
      return [name.replaceAll("_", " "), isTime(text) ? fullTime(text) : text];
    });
}
