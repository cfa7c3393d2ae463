import { SendHorizontal } from "lucide-react";
import {
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { Refusal } from "../ui/Failure.tsx";
import { useHover } from "../ui/useMedia.ts";
import styles from "./Composer.module.css";

interface Props {
  /** What is written is kept under this name until it is sent, also through a reload. */
  draftKey: string;
  label: string;
  placeholder: string;
  /** Choices beside the send button. */
  options?: ReactNode;
  autoFocus?: boolean;
  /** `key` is the same for every try at sending one draft, so that none is queued twice. */
  send: (content: string, key: string) => Promise<void>;
}

const LONGEST = 32_000;

/** The box that a message is written in: Enter sends, Shift+Enter starts a new line. */
export function Composer({ draftKey, label, placeholder, options, autoFocus, send }: Props) {
  const [text, setText] = useState(() => sessionStorage.getItem(draftKey) ?? "");
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const hover = useHover();
  const key = useRef(crypto.randomUUID());
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (text) sessionStorage.setItem(draftKey, text);
    else sessionStorage.removeItem(draftKey);
  }, [draftKey, text]);

  async function submit(event?: FormEvent) {
    event?.preventDefault();
    const content = text.trim();
    if (!content || sending) return;
    setSending(true);
    setError(null);
    try {
      await send(content, key.current);
      key.current = crypto.randomUUID();
      setText("");
    } catch (refused) {
      setError(refused);
    } finally {
      setSending(false);
      box.current?.focus();
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    // Enter that ends an input method's composition chooses a word and sends nothing.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  }

  const left = LONGEST - text.length;
  return (
    <form className={styles.composer} onSubmit={submit}>
      <Refusal error={error} />
      <div className={styles.box}>
        <textarea
          ref={box}
          className={styles.input}
          // Where style sheets cannot let it grow with its text, it grows with its lines.
          rows={Math.min(text.split("\n").length, 12)}
          value={text}
          maxLength={LONGEST}
          autoFocus={autoFocus && hover}
          readOnly={sending}
          aria-label={label}
          placeholder={placeholder}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <div className={styles.bar}>
          {options}
          {left < 1000 && <span className={styles.left}>{left} left</span>}
          <button
            type="submit"
            className={styles.send}
            disabled={!text.trim() || sending}
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
