import type { Explanation } from "@aura-servers/client";
import { CircleCheck, CircleHelp, LoaderCircle } from "lucide-react";
import { Age, Elapsed } from "../ui/Age.tsx";
import { fullTime } from "../ui/time.ts";
import styles from "./TaskExplanation.module.css";
import { TaskTag } from "./TaskTag.tsx";

const sentences: Record<string, string> = {
  ready: "Waits to be claimed: a device has room for it.",
  waiting_for_device: "Waits: no device is online.",
  no_matching_platform: "Waits: no device of the platform it needs is online.",
  no_matching_model: "Waits: no online device has a model that can do it.",
  rate_limited: "Waits: every model that can do it is throttled.",
  devices_busy: "Waits: every device that can do it is busy.",
  device_draining: "Waits: the device that can do it is draining.",
  server_paused: "Waits: its server is paused.",
  scheduled: "Waits for the time it was scheduled for.",
  backoff: "Waits a while before it is tried again.",
  waiting_for_answer: "Waits for an answer to its question.",
  waiting_for_previous: "Waits for an earlier task of its thread.",
  not_queued: "Is not in the queue: an admin has to run hub.repair().",
  running: "Is running.",
  finished: "Has ended.",
};

const icons = { running: LoaderCircle, finished: CircleCheck } as const;

/** Why the task is where it is, as the backend explains it. */
export function TaskExplanation({ explanation }: { explanation: Explanation }) {
  const { reason, since } = explanation;
  const { until, devices, server, task_id, lease_expires_at, delivery_failure } = explanation
    .detail as Record<string, string | string[] | undefined>;
  const Icon = icons[reason as keyof typeof icons] ?? CircleHelp;
  return (
    <section className={styles.explanation} data-reason={reason} aria-label="Why it is where it is">
      <Icon size={17} aria-hidden="true" />
      <div>
        <p className={styles.sentence}>{sentences[reason] ?? reason.replaceAll("_", " ")}</p>
        <p className={styles.detail}>
          {since && (
            <span>
              {reason === "finished" ? <Age since={since} ago /> : (
                <>
                  for <Elapsed from={since} />
                </>
              )}
            </span>
          )}
          {typeof until === "string" && <span>until {fullTime(until)}</span>}
          {Array.isArray(devices) && <span>{devices.join(", ")}</span>}
          {server && <span>server {server}</span>}
          {typeof task_id === "string" && <TaskTag id={task_id} />}
          {typeof lease_expires_at === "string" && (
            <span>lease until {fullTime(lease_expires_at)}</span>
          )}
          {delivery_failure && <span>result not posted yet: {delivery_failure}</span>}
        </p>
      </div>
    </section>
  );
}
