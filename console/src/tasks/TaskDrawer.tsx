import type { Task } from "@aura-servers/client";
import { X } from "lucide-react";
import { useMayAct } from "../data/caller.ts";
import { useTaskFiles } from "../data/useFiles.ts";
import { useTask } from "../data/useTask.ts";
import { FileCard } from "../files/FileCard.tsx";
import { Boundary } from "../ui/Boundary.tsx";
import { Failure } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Modal } from "../ui/Modal.tsx";
import { ChangesLink } from "./ChangesLink.tsx";
import { TaskActions } from "./TaskActions.tsx";
import { TaskAttempts } from "./TaskAttempts.tsx";
import { TaskChip } from "./TaskChip.tsx";
import styles from "./TaskDrawer.module.css";
import { TaskExplanation } from "./TaskExplanation.tsx";
import { type Place, TaskFacts } from "./TaskFacts.tsx";
import { shortId } from "./taskState.ts";
import { TaskText } from "./TaskText.tsx";

interface Props {
  id: string;
  close: () => void;
  /** Where the task reports. */
  placeOf: (task: Task) => Place | null;
}

/** Everything about one task, over the right edge of the page. */
export function TaskDrawer({ id, close, placeOf }: Props) {
  const { task, attempts, explanation, error, refresh } = useTask(id);
  const mayAct = useMayAct(task?.channel_id ?? "");
  const files = useTaskFiles(id);
  const failure = (failed: unknown) => (
    <Failure title="The task could not be shown" error={failed} retry={refresh} />
  );
  const title = (
    <>
      <h2 className={styles.title}>
        Task <code>{shortId(id)}</code>
      </h2>
      {task && <TaskChip task={task} />}
      <IconButton icon={X} label="Close" className={styles.close} onClick={close} />
    </>
  );
  return (
    <Modal open close={close} shape="drawer" title={title}>
      {!task && (error ? failure(error) : <Loading label="Loading the task" />)}
      {task && (
        <Boundary of={task} fallback={(error) => failure(error)}>
          <div className={styles.body}>
            {explanation && <TaskExplanation explanation={explanation} />}
            <TaskText title="Request" text={task.content} plain />
            <TaskFacts task={task} place={placeOf(task)} />
            {attempts && attempts.length > 0 && (
              <TaskAttempts attempts={attempts} told={task.error} />
            )}
            {task.changes && <ChangesLink taskId={task.id} changes={task.changes} />}
            {files.map((file) => <FileCard key={file.id} file={file} />)}
            {task.error && <TaskText title="Error" text={task.error} plain bad />}
            {task.result
              ? <TaskText title="Result" text={task.result} />
              : task.partial_output && (
                <TaskText title="Output so far" text={task.partial_output} plain />
              )}
          </div>
          {mayAct && <TaskActions task={task} changed={refresh} />}
        </Boundary>
      )}
    </Modal>
  );
}
