import type { DeviceModel } from "@aura-servers/client";
import { TimerOff } from "lucide-react";
import { clockTime, fullTime } from "../ui/time.ts";
import { useNow } from "../ui/useNow.ts";
import styles from "./ModelBadge.module.css";

/** A model of a device, and until when it is throttled. */
export function ModelBadge({ model }: { model: DeviceModel }) {
  const until = model.rate_limited_until;
  const throttled = until !== null && Date.parse(until) > useNow(1000);
  return (
    <span
      className={styles.badge}
      data-throttled={throttled || undefined}
      title={model.version ?? undefined}
    >
      {model.model}
      {throttled && (
        <span className={styles.until} title={fullTime(until)}>
          <TimerOff size={13} aria-hidden="true" /> throttled until {clockTime(until)}
        </span>
      )}
    </span>
  );
}
