import { useActivity } from "../data/useActivity.ts";
import { duration } from "../ui/duration.ts";
import { Refusal } from "../ui/Failure.tsx";
import { useNow } from "../ui/useNow.ts";
import styles from "./Activity.module.css";
import { BarChart } from "../ui/BarChart.tsx";

const hourName = (hour: string) =>
  new Date(hour).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

/** Waits are often shorter than a second. */
const wait = (ms: number) => ms < 1000 ? `${ms} ms` : duration(ms);

/** The last day in two small charts: tasks per hour, and how old they were when they started. */
export function Activity() {
  const { activity, error } = useActivity();
  const now = useNow(5000);
  if (error) return <Refusal error={error} />;
  if (!activity) return <div className={styles.charts} />;
  const { hours, waiting, oldest_waiting_since } = activity;
  const done = hours.reduce((sum, hour) => sum + hour.complete + hour.failed, 0);
  return (
    <div className={styles.charts}>
      <BarChart
        title="Tasks per hour"
        summary={`${done} ended in ${hours.length} h`}
        legend={{ main: "complete", bad: "failed" }}
        bars={hours.map(({ hour, complete, failed }) => ({
          name: hourName(hour),
          parts: { main: complete, bad: failed },
          text: `${complete} complete, ${failed} failed`,
        }))}
      />
      <BarChart
        title="Queue age"
        summary={oldest_waiting_since
          ? `${waiting} waiting, the oldest for ${duration(now - Date.parse(oldest_waiting_since))}`
          : "nothing waits"}
        legend={{ main: "median wait", other: "longest" }}
        bars={hours.map(({ hour, started, wait_median_ms, wait_max_ms }) => ({
          name: hourName(hour),
          parts: { main: wait_median_ms, other: wait_max_ms - wait_median_ms },
          text: started
            ? `median ${wait(wait_median_ms)}, longest ${wait(wait_max_ms)}`
            : "nothing started",
        }))}
        format={wait}
      />
    </div>
  );
}
