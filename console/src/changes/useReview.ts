import type { ReviewComment } from "@aura-servers/client";
import { useEffect, useState } from "react";

/** The comments on a task's changes that are not sent yet, kept by this tab through a reload. */
export function useReview(taskId: string) {
  const key = `aura.review.${taskId}`;
  const [comments, setComments] = useState<ReviewComment[]>(() => read(key));
  useEffect(() => {
    if (comments.length) sessionStorage.setItem(key, JSON.stringify(comments));
    else sessionStorage.removeItem(key);
  }, [key, comments]);

  const isAt = (place: ReviewComment) => (other: ReviewComment) =>
    other.path === place.path && other.line === place.line && other.side === place.side;
  return {
    comments,
    /** Says this of a line, in place of what was said before; nothing: takes it back. */
    say(comment: ReviewComment) {
      setComments((all) => {
        const others = all.filter((other) => !isAt(comment)(other));
        return comment.body.trim() ? [...others, comment] : others;
      });
    },
    at: (place: Omit<ReviewComment, "body">) => comments.find(isAt({ ...place, body: "" })),
    clear: () => setComments([]),
  };
}

export type Review = ReturnType<typeof useReview>;

function read(key: string): ReviewComment[] {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "[]") as ReviewComment[];
  } catch {
    return [];
  }
}
