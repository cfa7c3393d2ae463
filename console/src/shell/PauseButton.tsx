import type { Server } from "@aura-servers/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pause, Play } from "lucide-react";
import { useBackend } from "../data/aura.ts";
import { errorText } from "../ui/errorText.ts";
import { IconButton } from "../ui/IconButton.tsx";

/** Stops and resumes the claiming of a server's tasks. */
export function PauseButton({ server }: { server: Server }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const paused = server.paused_at !== null;
  const change = useMutation({
    mutationFn: () => aura.setServerPaused(server.id, !paused),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["servers"] }),
  });
  const label = paused ? "Resume this server" : "Pause this server";
  return (
    <IconButton
      icon={paused ? Play : Pause}
      size={16}
      label={change.error ? errorText(change.error).message : label}
      disabled={change.isPending}
      onClick={() => change.mutate()}
    />
  );
}
