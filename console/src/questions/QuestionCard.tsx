import type { Question, QuestionOption } from "@aura-servers/client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import { useBackend } from "../data/aura.ts";
import { useMayAct } from "../data/caller.ts";
import { useQuestion } from "../data/useQuestions.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { Age } from "../ui/Age.tsx";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { PlainText } from "../ui/PlainText.tsx";
import { fullTime } from "../ui/time.ts";
import styles from "./QuestionCard.module.css";

const looks = { allow_once: "primary", reject_once: "danger", choice: "plain" } as const;

/** A question in its place, with exactly what is asked, and the ways to answer it or its answer. */
export function QuestionCard({ id }: { id: string }) {
  const { question, error, changed } = useQuestion(id);
  const mayAct = useMayAct(question?.channel_id ?? "");
  if (!question) {
    return error ? <Refusal error={error} /> : <Loading label="Loading the question" />;
  }
  const { kind, title, detail, state } = question;
  return (
    <section className={styles.card} data-state={state} aria-label={`Question: ${title}`}>
      <header className={styles.head}>
        <span className={styles.kind}>{kind === "approval" ? "Approval needed" : "Question"}</span>
        <TaskTag id={question.task_id} quiet />
        <span className={styles.age}>
          <Age since={question.asked_at} ago />
        </span>
      </header>
      <h3 dir="auto">{title}</h3>
      {detail && (
        <div className={styles.detail} tabIndex={0} role="region" aria-label="What is asked">
          <PlainText text={detail} code />
        </div>
      )}
      {state === "open"
        ? mayAct
          ? <Answering question={question} changed={changed} />
          : <p className={styles.said}>Waits for an operator's answer.</p>
        : <p className={styles.said} role="status">{outcome(question)}</p>}
    </section>
  );
}

function Answering(
  { question, changed }: { question: Question; changed: (question?: Question) => void },
) {
  const { aura } = useBackend();
  const field = useId();
  const { id, options, allow_text, expires_at } = question;
  const answer = useMutation({
    mutationFn: (given: { option_id?: string; answer?: string }) => aura.answerQuestion(id, given),
    onSuccess: (answered) => changed(answered),
    onError: () => changed(),
  });

  function say(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const words = String(new FormData(event.currentTarget).get("answer")).trim();
    if (words) answer.mutate({ answer: words });
  }

  return (
    <>
      {allow_text && (
        <form className={styles.words} onSubmit={say}>
          <label htmlFor={field} className="sr-only">Answer</label>
          <textarea id={field} name="answer" rows={2} dir="auto" placeholder="Answer in words" />
          <Button
            type="submit"
            look={options.length ? "plain" : "primary"}
            disabled={answer.isPending}
          >
            Answer
          </Button>
        </form>
      )}
      {options.length > 0 && (
        <div className={styles.options} role="group" aria-label="Answers">
          {options.map((option: QuestionOption) => (
            <Button
              key={option.id}
              look={looks[option.kind]}
              disabled={answer.isPending}
              onClick={() => answer.mutate({ option_id: option.id })}
            >
              {option.label}
            </Button>
          ))}
        </div>
      )}
      <Refusal error={answer.error} />
      {expires_at && (
        <p className={styles.expiry}>Refused if nobody answers by {fullTime(expires_at)}.</p>
      )}
    </>
  );
}

/** How a question ended, in a sentence. */
function outcome({ state, options, option_id, answer, answered_by_label }: Question): string {
  if (state === "expired") return "Nobody answered in time: refused.";
  if (state === "withdrawn") return "Withdrawn: its task has ended or began anew.";
  const chosen = options.find(({ id }) => id === option_id)?.label;
  const said = [chosen, answer].filter(Boolean).join(": ");
  return `${answered_by_label ?? "Somebody"} answered: ${said}`;
}
