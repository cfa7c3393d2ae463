import { useMutation } from "@tanstack/react-query";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { MouseEvent } from "react";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { moved } from "./moved.ts";

interface Props {
  /** What is moved. */
  id: string;
  label: string;
  /** The ids of the whole list in their order, in the groups that stay together. */
  groups: string[][];
  /** Keeps the list in its new order. */
  keep: (ids: string[]) => Promise<unknown>;
}

/** Moves an entry of a list a place up or down. */
export function MoveButtons({ id, label, groups, keep }: Props) {
  const move = useMutation({ mutationFn: keep });

  const button = (by: -1 | 1) => {
    const ids = moved(groups, id, by);
    return (
      <IconButton
        icon={by < 0 ? ArrowUp : ArrowDown}
        size={15}
        label={`Move ${label} ${by < 0 ? "up" : "down"}`}
        aria-disabled={ids === undefined}
        onClick={async ({ currentTarget }: MouseEvent<HTMLButtonElement>) => {
          if (!ids || move.isPending) return;
          await move.mutateAsync(ids).catch(() => {});
          // What is taken out and put in elsewhere loses the focus.
          requestAnimationFrame(() => currentTarget.focus());
        }}
      />
    );
  };

  return (
    <>
      {button(-1)}
      {button(1)}
      <Refusal error={move.error} />
    </>
  );
}
