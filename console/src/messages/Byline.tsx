import { clockTime, fullTime } from "../ui/time.ts";
import styles from "./Byline.module.css";

export function Byline({ name, at, role }: { name: string; at: string; role?: string }) {
  return (
    <div className={styles.byline}>
      <span className={styles.name}>{name}</span>
      {role && <span className={styles.role}>{role}</span>}
      <time dateTime={at} title={fullTime(at)}>{clockTime(at)}</time>
    </div>
  );
}
