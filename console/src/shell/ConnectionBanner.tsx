import { versionProblem } from "@aura-servers/client";
import { WifiOff } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import styles from "./ConnectionBanner.module.css";

const useOnline = () =>
  useSyncExternalStore(
    (changed) => {
      addEventListener("online", changed);
      addEventListener("offline", changed);
      return () => {
        removeEventListener("online", changed);
        removeEventListener("offline", changed);
      };
    },
    () => navigator.onLine,
  );

/** Joining takes a moment after every load: only a longer silence is worth a word. */
const PATIENCE_MS = 2500;

/** Says that what is shown may be old, for as long as Realtime is not joined. */
export function ConnectionBanner({ connected, version }: {
  connected: boolean | undefined;
  /** Of Aura Servers there. */
  version: string;
}) {
  const online = useOnline();
  const lost = !online || !connected;
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) return setShown(false);
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [lost]);
  const problem = versionProblem(version, "the console");
  return (
    <div role="status">
      {problem && <p className={styles.banner}>{problem}</p>}
      {shown && (
        <p className={styles.banner}>
          <WifiOff size={15} aria-hidden="true" />
          {online
            ? "Reconnecting. What you see may be old."
            : "You are offline. What you see may be old."}
        </p>
      )}
    </div>
  );
}
