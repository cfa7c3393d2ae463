import { useMutation } from "@tanstack/react-query";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { MouseEvent } from "react";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";

interface Props {
  /** What is moved. */
  id: string;
  label: string;
  /** The ids of the whole list, in their order. */
  list: string[];
  /** Keeps the list in its new order. */
  keep: (list: string[]) => Promise<unknown>;
}

/** Moves an entry of a list a place up or down. */
export function MoveButtons({ id, label, list, keep }: Props) {
  const move = useMutation({ mutationFn: keep });
  const at = list.indexOf(id);

  const moveTo = (place: number) => async (event: MouseEvent<HTMLButtonElement>) => {
    if (place < 0 || place >= list.length || move.isPending) return;
    const button = event.currentTarget;
    await move.mutateAsync(list.toSpliced(at, 1).toSpliced(place, 0, id)).catch(() => {});
    // What is taken out and put in elsewhere loses the focus.
    requestAnimationFrame(() => button.focus());
  };

  return (
    <>
      <IconButton
        icon={ArrowUp}
        size={15}
        label={`Move ${label} up`}
        aria-disabled={at === 0}
        onClick={moveTo(at - 1)}
      />
      <IconButton
        icon={ArrowDown}
        size={15}
        label={`Move ${label} down`}
        aria-disabled={at === list.length - 1}
        onClick={moveTo(at + 1)}
      />
      <Refusal error={move.error} />
    </>
  );
}
