import { MessageSquarePlus } from "lucide-react";
import { useMemo, useState } from "react";
import { LineComment } from "./LineComment.tsx";
import styles from "./DiffFile.module.css";
import { type Pair, type PatchFile, type PatchLine, sideBySide } from "./patch.ts";
import type { Review } from "./useReview.ts";

export type View = "unified" | "split";

/** A row to draw: a line, or two beside each other. */
type Row = { key: string; pair: Pair };

/** The rows of a file, in the order in which a view shows them. */
export function useRows(file: PatchFile | undefined, view: View): Row[] {
  return useMemo(() => {
    const lines = file?.lines ?? [];
    const pairs = view === "split"
      ? sideBySide(lines)
      : lines.map((line): Pair => line.kind === "deleted" ? { left: line } : { right: line });
    return pairs.map((pair, index) => ({ key: String(index), pair }));
  }, [file, view]);
}

/** One row of a difference, and what is said of it. */
export function DiffRow(
  { path, pair, view, review }: {
    path: string;
    pair: Pair;
    view: View;
    /** Absent: nobody may say anything. */
    review?: Review;
  },
) {
  const [writing, write] = useState<PatchLine | null>(null);
  const line = pair.right ?? pair.left!;
  if (line.kind === "hunk") return <div className={styles.hunk}>{line.text || "…"}</div>;
  const sides = view === "split" ? [pair.left, pair.right] : [line];
  const placeOf = (of: PatchLine) =>
    of.new === null
      ? { path, line: of.old, side: "old" as const }
      : { path, line: of.new, side: "new" as const };
  // A line that both sides show is one line.
  const said = [...new Set(sides)].filter((of): of is PatchLine =>
    of !== undefined && (of === writing || review?.at(placeOf(of)) !== undefined)
  );
  return (
    <>
      <div className={styles.row} data-view={view}>
        {sides.map((of, index) => (
          <Side
            key={index}
            line={of}
            both={view === "unified"}
            left={view === "split" && index === 0}
            comment={review && of ? () => write(of) : undefined}
          />
        ))}
      </div>
      {review && said.map((of) => (
        <LineComment
          key={placeOf(of).side}
          place={placeOf(of)}
          review={review}
          writing={of === writing}
          write={(open) => write(open ? of : null)}
        />
      ))}
    </>
  );
}

function Side(
  { line, both, left, comment }: {
    line?: PatchLine;
    both: boolean;
    left: boolean;
    comment?: () => void;
  },
) {
  if (!line) return <div className={styles.side} data-kind="none" />;
  const number = line.new === null || left ? line.old : line.new;
  const sign = line.kind === "added" ? "+" : line.kind === "deleted" ? "−" : " ";
  return (
    <div className={styles.side} data-kind={line.kind}>
      {both && <span className={styles.number}>{line.old}</span>}
      <span className={styles.number}>{both ? line.new : number}</span>
      {comment
        ? (
          <button
            type="button"
            className={styles.comment}
            aria-label={`Comment on line ${number}`}
            onClick={comment}
          >
            <MessageSquarePlus size={13} aria-hidden="true" />
          </button>
        )
        : <span />}
      <code>
        <span className={styles.sign} aria-hidden={line.kind === "same"}>{sign}</span>
        {line.text}
      </code>
    </div>
  );
}
