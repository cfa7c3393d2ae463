import { Paperclip } from "lucide-react";
import { useRef } from "react";
import { IconButton } from "../ui/IconButton.tsx";

/** The browser's own choice of files. */
export function PickFiles({ pick }: { pick: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon={Paperclip} label="Add files" onClick={() => input.current?.click()} />
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={(event) => {
          pick([...event.target.files ?? []]);
          // The same file may be chosen again.
          event.target.value = "";
        }}
      />
    </>
  );
}
