import type { ChangedFile, Task } from "@aura-servers/client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { GitBranch, GitPullRequest } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Virtualizer } from "virtua";
import { useBackend } from "../data/aura.ts";
import { useMayAct } from "../data/caller.ts";
import { useTaskFiles } from "../data/useFiles.ts";
import { shortId } from "../tasks/taskState.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { BackLink } from "../ui/BackLink.tsx";
import { Button } from "../ui/Button.tsx";
import { Failure, Refusal } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { usePhone } from "../ui/useMedia.ts";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import styles from "./ChangesPage.module.css";
import { DiffRow, useRows, type View } from "./DiffFile.tsx";
import { readPatch } from "./patch.ts";
import { SendReview } from "./SendReview.tsx";
import { useReview } from "./useReview.ts";

/** What a task changed, file by file, to be commented on and published. */
export function ChangesPage({ taskId }: { taskId: string }) {
  const { aura } = useBackend();
  const { data: task, error, refetch } = useQuery({
    queryKey: ["task", taskId, "row"],
    queryFn: () => aura.fetchTask(taskId),
  });
  if (error) {
    return (
      <Failure
        title="The task could not be read"
        error={error}
        retry={() => void refetch()}
      />
    );
  }
  if (!task) return <Loading label="Loading the changes" />;
  return <Changes task={task} />;
}

function Changes({ task }: { task: Task }) {
  const { aura } = useBackend();
  const mayAct = useMayAct(task.channel_id ?? "");
  const review = useReview(task.id);
  const phone = usePhone();
  const [chosenView, chooseView] = useState<View>("unified");
  const view = phone ? "unified" : chosenView;
  const files = usePatch(task.id);
  const [path, choose] = useState<string>();
  const file = files.data?.find((one) => one.path === path) ?? files.data?.[0];
  const rows = useRows(file, view);
  const scroller = useRef<HTMLDivElement>(null);
  const publish = useMutation({ mutationFn: () => aura.publishChanges(task.id) });
  const { changes } = task;

  return (
    <section className={styles.page} aria-label={`Changes of task ${shortId(task.id)}`}>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1>Changes</h1>
        <TaskTag id={task.id} />
        {changes && (
          <span className={styles.branch}>
            <GitBranch size={14} aria-hidden="true" />
            <code>{changes.branch}</code>
            <Counts additions={changes.additions} deletions={changes.deletions} />
          </span>
        )}
        <div className={styles.end}>
          {!phone && (
            <SegmentedControl<View>
              label="View"
              value={view}
              options={{ unified: "Unified", split: "Side by side" }}
              change={chooseView}
            />
          )}
          {mayAct && changes && (
            <Button
              disabled={publish.isPending}
              onClick={() => publish.mutate()}
            >
              <GitPullRequest size={15} aria-hidden="true" /> Publish
            </Button>
          )}
        </div>
      </header>
      <Refusal error={publish.error} />
      {publish.data && (
        <p className={styles.told} role="status">
          <TaskTag id={publish.data.id} /> pushes the branch and opens a pull request.
        </p>
      )}
      {changes && (
        <ul className={styles.files} aria-label="Changed files">
          {changes.files.map((changed) => (
            <li key={changed.path}>
              <FileButton
                file={changed}
                current={changed.path === file?.path}
                comments={review.comments.filter((said) => said.path === changed.path).length}
                choose={() => choose(changed.path)}
              />
            </li>
          ))}
          {changes.file_count > changes.files.length && (
            <li>and {changes.file_count - changes.files.length} more</li>
          )}
        </ul>
      )}
      {files.error
        ? (
          <Failure
            title="The patch could not be read"
            error={files.error}
            retry={files.refetch}
          />
        )
        : !files.data
        ? <Loading label="Loading the patch" />
        : !file
        ? <p className={styles.none}>There is no patch to show.</p>
        : (
          <div
            ref={scroller}
            className={styles.diff}
            tabIndex={0}
            role="region"
            aria-label={file.path}
          >
            {rows.length === 0 && (
              <p className={styles.none}>No lines: a binary or a bare change.</p>
            )}
            <Virtualizer key={`${file.path}:${view}`} scrollRef={scroller} data={rows}>
              {({ key, pair }) => (
                <DiffRow
                  key={key}
                  path={file.path}
                  pair={pair}
                  view={view}
                  review={mayAct ? review : undefined}
                />
              )}
            </Virtualizer>
          </div>
        )}
      {mayAct && <SendReview task={task} review={review} />}
    </section>
  );
}

/** The patch that came with the result, by file. */
function usePatch(taskId: string) {
  const { aura } = useBackend();
  const patch = useTaskFiles(taskId).findLast(({ direction, state, media_type, name }) =>
    direction === "out" && state === "stored" &&
    (media_type === "text/x-diff" || /\.(patch|diff)$/.test(name))
  );
  const { data, error, refetch } = useQuery({
    queryKey: ["bytes", patch?.id ?? taskId, "patch"],
    queryFn: async () => patch ? await (await aura.downloadFile(patch)).text() : "",
    staleTime: Infinity,
  });
  const files = useMemo(() => data === undefined ? undefined : readPatch(data), [data]);
  return { data: files, error, refetch: () => void refetch() };
}

function FileButton(
  { file, current, comments, choose }: {
    file: ChangedFile;
    current: boolean;
    comments: number;
    choose: () => void;
  },
) {
  return (
    <button type="button" aria-current={current ? "true" : undefined} onClick={choose}>
      <span className={styles.path} title={file.path}>
        {file.old_path && `${file.old_path} → `}
        {file.path}
      </span>
      {file.status !== "modified" && <em>{file.status.replace("_", " ")}</em>}
      <Counts additions={file.additions} deletions={file.deletions} />
      {comments > 0 && <strong>{comments} said</strong>}
    </button>
  );
}

function Counts({ additions, deletions }: { additions: number | null; deletions: number | null }) {
  if (additions === null && deletions === null) {
    return <span className={styles.counts}>binary</span>;
  }
  return (
    <span className={styles.counts}>
      <ins>+{additions ?? 0}</ins> <del>−{deletions ?? 0}</del>
    </span>
  );
}
