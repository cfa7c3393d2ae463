import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { Modal } from "../ui/Modal.tsx";
import styles from "./AdminPage.module.css";

interface Props {
  title: string;
  close: () => void;
  save: (form: FormData) => Promise<unknown>;
  /** Takes away what the form is about, after it was asked for twice. */
  remove?: () => Promise<unknown>;
  children: ReactNode;
}

/** A form in a box, which closes when what it says is kept. */
export function EntryForm({ title, close, save, remove, children }: Props) {
  const kept = useMutation({ mutationFn: save, onSuccess: close });
  const removed = useMutation({ mutationFn: remove, onSuccess: close });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    kept.mutate(new FormData(event.currentTarget));
  }

  return (
    <Modal open close={close} shape="box" title={<h2>{title}</h2>}>
      <form className={styles.form} onSubmit={submit}>
        {children}
        <Refusal error={kept.error ?? removed.error} />
        <footer className={styles.foot}>
          {remove && (
            <Button
              look="danger"
              disabled={removed.isPending}
              onClick={() => {
                if (confirm("Delete it, with everything in it?")) removed.mutate();
              }}
            >
              Delete
            </Button>
          )}
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" disabled={kept.isPending}>Save</Button>
        </footer>
      </form>
    </Modal>
  );
}

/** A field's text, null where nothing stands in it. */
export const textOf = (form: FormData, name: string): string | null =>
  String(form.get(name) ?? "").trim() || null;
