import type { ReviewComment } from "@aura-servers/client";
import { type FormEvent, useId } from "react";
import { Button } from "../ui/Button.tsx";
import styles from "./LineComment.module.css";
import type { Review } from "./useReview.ts";

interface Props {
  place: Omit<ReviewComment, "body">;
  review: Review;
  writing: boolean;
  write: (open: boolean) => void;
}

/** What is said of a line, before all of it is sent. */
export function LineComment({ place, review, writing, write }: Props) {
  const field = useId();
  const body = review.at(place)?.body ?? "";

  function keep(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    review.say({ ...place, body: String(new FormData(event.currentTarget).get("body")).trim() });
    write(false);
  }

  if (!writing) {
    return (
      <div className={styles.said}>
        <p dir="auto">{body}</p>
        <button type="button" onClick={() => write(true)}>Edit</button>
      </div>
    );
  }
  return (
    <form className={styles.form} onSubmit={keep}>
      <label htmlFor={field} className="sr-only">Comment on line {place.line}</label>
      <textarea id={field} name="body" rows={3} dir="auto" defaultValue={body} autoFocus />
      <div className={styles.foot}>
        <Button onClick={() => write(false)}>Cancel</Button>
        {body && (
          <Button
            look="danger"
            onClick={() => {
              review.say({ ...place, body: "" });
              write(false);
            }}
          >
            Remove
          </Button>
        )}
        <Button look="primary" type="submit">Keep</Button>
      </div>
    </form>
  );
}
