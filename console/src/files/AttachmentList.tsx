import { CircleAlert, File, LoaderCircle, RotateCcw, X } from "lucide-react";
import { errorText } from "../ui/errorText.ts";
import { IconButton } from "../ui/IconButton.tsx";
import styles from "./AttachmentList.module.css";
import { sizeText } from "./size.ts";
import type { Attachments } from "./useAttachments.ts";

const icons = { sending: LoaderCircle, sent: File, failed: CircleAlert };

/** What goes along with the text, with the ways to leave it out and to try again. */
export function AttachmentList({ files, retry, remove }: Attachments) {
  if (files.length === 0) return null;
  return (
    <ul className={styles.list} aria-label="Files to send">
      {files.map((file) => {
        const Icon = icons[file.state];
        return (
          <li key={file.key} data-state={file.state}>
            <Icon size={14} aria-hidden="true" />
            <span className={styles.name} title={file.name}>{file.name}</span>
            <span className={styles.size} role={file.state === "failed" ? "alert" : "status"}>
              {file.state === "failed"
                ? errorText(file.error).message
                : file.state === "sending"
                ? "sending"
                : sizeText(file.bytes.size)}
            </span>
            {file.state === "failed" && (
              <IconButton
                icon={RotateCcw}
                size={13}
                label={`Send ${file.name} again`}
                onClick={() => retry(file)}
              />
            )}
            <IconButton
              icon={X}
              size={13}
              label={`Leave out ${file.name}`}
              onClick={() => remove(file.key)}
            />
          </li>
        );
      })}
    </ul>
  );
}
