import type { Task } from "@aura-servers/client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { Draft } from "../messages/draft.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import styles from "./SendReview.module.css";
import type { Review } from "./useReview.ts";

/** Sends all comments at once, as one follow-up of the task. */
export function SendReview({ task, review }: { task: Task; review: Review }) {
  const { aura } = useBackend();
  const [draft] = useState(() => new Draft(`aura.review.${task.id}.text`));
  const [text, setText] = useState(draft.text);
  const { comments } = review;
  const send = useMutation({
    mutationFn: () =>
      aura.reviewChanges(task.id, comments, {
        content: text.trim() || undefined,
        idempotency_key: draft.keyOf(JSON.stringify([comments, text])),
      }),
    onSuccess: () => {
      draft.done();
      draft.write("");
      setText("");
      review.clear();
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    send.mutate();
  }

  if (comments.length === 0) {
    return send.data
      ? (
        <p className={styles.sent} role="status">
          The review is sent: <TaskTag id={send.data.task.id} /> works on it.
        </p>
      )
      : null;
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <Refusal error={send.error} />
      <input
        aria-label="Say something about all of it"
        placeholder="Something about all of it (optional)"
        value={text}
        onChange={(event) => {
          draft.write(event.target.value);
          setText(event.target.value);
        }}
      />
      <Button look="primary" type="submit" disabled={send.isPending}>
        Send {comments.length} {comments.length === 1 ? "comment" : "comments"}
      </Button>
    </form>
  );
}
