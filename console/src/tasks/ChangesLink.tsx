import type { Changes } from "@aura-servers/client";
import { GitBranch } from "lucide-react";
import { Link } from "wouter";
import { changesPath } from "../shell/paths.ts";
import styles from "./ChangesLink.module.css";

/** The way to what a task changed. */
export function ChangesLink({ taskId, changes }: { taskId: string; changes: Changes }) {
  const { file_count, additions, deletions } = changes;
  return (
    <Link href={changesPath(taskId)} className={styles.link}>
      <GitBranch size={15} aria-hidden="true" />
      Look at the changes: {file_count} {file_count === 1 ? "file" : "files"} +{additions}{" "}
      −{deletions}
    </Link>
  );
}
