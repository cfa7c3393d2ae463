import { type ReactNode, useEffect, useId, useLayoutEffect, useRef } from "react";
import styles from "./Modal.module.css";

interface Props {
  open: boolean;
  close: () => void;
  /** `drawer` covers the page's right edge, `box` lies in its middle. */
  shape: "drawer" | "box";
  title: ReactNode;
  children: ReactNode;
}

/** The browser's own modal dialog: it holds the focus, and Escape or a press beside it closes it. */
export function Modal({ open, close, shape, title, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  // Closing gives the focus back to where it was; a dialog that merely goes away does not.
  useLayoutEffect(() => {
    const element = dialog.current;
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`${styles.modal} ${styles[shape]}`}
      aria-labelledby={titleId}
      onClose={close}
      onMouseDown={(event) => event.target === dialog.current && close()}
    >
      {open && (
        <div className={styles.content}>
          <header className={styles.head} id={titleId}>{title}</header>
          {children}
        </div>
      )}
    </dialog>
  );
}
