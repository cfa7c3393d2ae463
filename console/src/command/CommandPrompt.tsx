import type { Command } from "@aura-servers/client";
import { Autocomplete } from "@base-ui/react/autocomplete";
import { CornerDownLeft } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { isComposing } from "../ui/isComposing.ts";
import { useHover } from "../ui/useMedia.ts";
import styles from "./CommandPrompt.module.css";

interface Props {
  commands: Command[];
  /** Commands run before, oldest first: arrow up brings them back. */
  past: string[];
  run: (command: string) => void;
}

const nameOf = (text: string) =>
  text.replace(/^!/, "").trimStart().split(/\s/, 1)[0]!.toLowerCase();

/** The command that the palette was asked for. */
const chosenElsewhere = () => String(history.state?.command ?? "");

/** The `!` line: names are completed while they are typed, then the command's usage is shown. */
export function CommandPrompt({ commands, past, run }: Props) {
  const [text, setText] = useState(chosenElsewhere);
  const [open, setOpen] = useState(false);
  const hover = useHover();
  const highlighted = useRef<Command>(undefined);
  // How many commands back in the past the line is; 0 is the line being written.
  const back = useRef(0);

  const name = nameOf(text);
  const naming = !/\s/.test(text.trimStart());
  const matches = commands.filter((command) => command.name.startsWith(name));
  const known = commands.find((command) => command.name === name);
  const listing = open && naming && matches.length > 0;

  function complete(command: Command) {
    const takesMore = command.usage.trim().includes(" ");
    setText(command.name + (takesMore ? " " : ""));
    setOpen(false);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const command = text.trim().replace(/^!/, "");
    if (!command) return;
    run(`!${command}`);
    setText("");
    setOpen(false);
    back.current = 0;
  }

  function recall(step: 1 | -1) {
    back.current = Math.min(Math.max(back.current + step, 0), past.length);
    setText(back.current ? past[past.length - back.current]!.replace(/^!/, "") : "");
    setOpen(false);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Enter" && isComposing(event)) {
      event.preventDefault();
    } else if (event.key === "Escape") {
      setOpen(false);
    } else if (event.key === "Tab" && !event.shiftKey && naming && name && matches[0]) {
      event.preventDefault();
      complete(highlighted.current ?? matches[0]);
    } else if (event.key === "ArrowUp" && !listing && past.length) {
      event.preventDefault();
      recall(1);
    } else if (event.key === "ArrowDown" && !listing && back.current > 0) {
      event.preventDefault();
      recall(-1);
    }
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <Autocomplete.Root
        inline
        items={matches}
        filter={null}
        mode="none"
        value={text}
        open={listing}
        onOpenChange={setOpen}
        onValueChange={(value, details) => {
          if (details.reason === "input-change") setText(value.replace(/^!/, ""));
        }}
        onItemHighlighted={(command) => highlighted.current = command}
        itemToStringValue={(command: Command) => command.name}
      >
        <div className={styles.box}>
          <span className={styles.bang} aria-hidden="true">!</span>
          <Autocomplete.Input
            className={styles.input}
            aria-label="Command"
            aria-expanded={listing}
            placeholder="stats, hot brooklyn, help …"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onKeyDown={onKeyDown}
            onBlur={() => setOpen(false)}
            autoFocus={hover}
          />
          <button type="submit" className={styles.run} disabled={!text.trim()} aria-label="Run">
            <CornerDownLeft size={16} aria-hidden="true" />
          </button>
          {listing && (
            // A press on an item must not take the focus from the line, which would close the list.
            <Autocomplete.List
              className={styles.popup}
              aria-label="Commands"
              onMouseDown={(event) => event.preventDefault()}
            >
              {(command: Command) => (
                <Autocomplete.Item
                  key={command.name}
                  value={command}
                  className={styles.item}
                  onClick={() => complete(command)}
                >
                  <span className={styles.usage}>{command.usage}</span>
                  <span className={styles.description}>{command.description}</span>
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          )}
        </div>
      </Autocomplete.Root>
      <p className={styles.hint} aria-live="polite">
        {known
          ? (
            <>
              <code>{known.usage}</code> {known.description}
            </>
          )
          : hover && "Tab completes, ↑ recalls"}
      </p>
    </form>
  );
}
