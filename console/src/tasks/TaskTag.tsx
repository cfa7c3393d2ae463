import { useTaskDrawer } from "./taskDrawerContext.ts";
import { shortId } from "./taskState.ts";
import styles from "./TaskTag.module.css";

/** A task's short number; opens its drawer. */
export function TaskTag({ id, quiet = false }: { id: string; quiet?: boolean }) {
  const open = useTaskDrawer();
  return (
    <button
      type="button"
      className={styles.tag}
      data-quiet={quiet || undefined}
      onClick={() => open(id)}
      aria-label={`Task ${shortId(id)}, details`}
      aria-haspopup="dialog"
    >
      {shortId(id)}
    </button>
  );
}
