import { Bell, BellOff } from "lucide-react";
import { useState } from "react";
import { notices } from "../data/notices.ts";
import { IconButton } from "../ui/IconButton.tsx";

/** Whether this channel may tell of itself, where notices are on at all. */
export function NoticeSwitch({ channelId }: { channelId: string }) {
  const [quiet, setQuiet] = useState(() => notices.isQuiet(channelId));
  if (!notices.on) return null;
  return (
    <IconButton
      icon={quiet ? BellOff : Bell}
      size={16}
      label={quiet ? "Notify me of this channel" : "No notices of this channel"}
      aria-pressed={quiet}
      onClick={() => {
        notices.quieten(channelId, !quiet);
        setQuiet(!quiet);
      }}
    />
  );
}
