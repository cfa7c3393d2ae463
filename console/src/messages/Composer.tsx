import { characters } from "@aura-servers/client";
import { SendHorizontal } from "lucide-react";
import {
  type DragEvent,
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  useMemo,
  useRef,
  useState,
} from "react";
import { useCaller } from "../data/caller.ts";
import { AttachmentList } from "../files/AttachmentList.tsx";
import { PickFiles } from "../files/PickFiles.tsx";
import type { Attachments } from "../files/useAttachments.ts";
import { Refusal } from "../ui/Failure.tsx";
import { isComposing } from "../ui/isComposing.ts";
import { useHover } from "../ui/useMedia.ts";
import styles from "./Composer.module.css";
import { Draft } from "./draft.ts";

interface Props {
  /** What is written is kept under this name until it is sent, also through a reload. */
  draftKey: string;
  label: string;
  placeholder: string;
  /** Choices beside the send button, and their state as a text: with another one it is another request. */
  options?: ReactNode;
  choices: string;
  /** What sending will do, where that may surprise. */
  note?: string | null;
  autoFocus?: boolean;
  /** Files that go along; without it, none can. */
  attachments?: Attachments;
  /** `key` is the same for every try at sending one request, so that nothing is done twice. */
  send: (content: string, key: string) => Promise<void>;
}

/** The box that a message is written in: Enter sends, Shift+Enter starts a new line. */
export function Composer(
  { draftKey, label, placeholder, options, choices, note, attachments, autoFocus, send }: Props,
) {
  const draft = useMemo(() => new Draft(draftKey), [draftKey]);
  const [text, setText] = useState(() => draft.text);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { limits } = useCaller();
  const hover = useHover();
  const box = useRef<HTMLTextAreaElement>(null);

  const left = limits.max_content - characters(text.trim());
  const files = attachments?.files ?? [];
  // A request may be files alone.
  const mayBeSent = (text.trim() !== "" || files.length > 0) && left >= 0 && !sending &&
    files.every(({ state }) => state === "sent");

  function write(next: string) {
    draft.write(next);
    setText(next);
  }

  async function submit(event?: FormEvent) {
    event?.preventDefault();
    const content = text.trim();
    if (!mayBeSent) return;
    setSending(true);
    setError(null);
    try {
      const request = [content, choices, files.map(({ sent }) => sent?.id)];
      await send(content, draft.keyOf(JSON.stringify(request)));
      draft.done();
      attachments?.clear();
      write("");
    } catch (refused) {
      setError(refused);
    } finally {
      setSending(false);
      box.current?.focus();
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    void submit();
  }

  const drop = attachments && {
    onDragOver: (event: DragEvent) => event.preventDefault(),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      attachments.add(event.dataTransfer.files);
    },
  };

  return (
    <form className={styles.composer} onSubmit={submit}>
      <Refusal error={error} />
      {note && <p className={styles.note} aria-live="polite">{note}</p>}
      <div className={styles.box} {...drop}>
        {attachments && <AttachmentList {...attachments} />}
        <textarea
          ref={box}
          className={styles.input}
          // Where style sheets cannot let it grow with its text, it grows with its lines.
          rows={Math.min(text.split("\n").length, 12)}
          value={text}
          dir="auto"
          autoFocus={autoFocus && hover}
          readOnly={sending}
          aria-label={label}
          aria-invalid={left < 0 || undefined}
          placeholder={placeholder}
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const pasted = [...event.clipboardData.files];
            if (!attachments || pasted.length === 0) return;
            event.preventDefault();
            attachments.add(pasted);
          }}
        />
        <div className={styles.bar}>
          {attachments && <PickFiles pick={attachments.add} />}
          {options}
          {left < 1000 && (
            <span className={styles.left} role={left < 0 ? "alert" : undefined}>
              {left < 0 ? `${-left} characters too many` : `${left} left`}
            </span>
          )}
          <button
            type="submit"
            className={styles.send}
            disabled={!mayBeSent}
            aria-label="Send"
            aria-busy={sending}
          >
            <SendHorizontal size={17} aria-hidden="true" />
          </button>
        </div>
      </div>
    </form>
  );
}
