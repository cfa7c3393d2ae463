import { useCallback, useState } from "react";

/** One command as it was run in this browser: the server keeps nothing of it. */
export interface Run {
  id: string;
  at: string;
  command: string;
  chunks?: string[];
  error?: { message: string; hint: string | null };
}

const KEPT = 100;
const storageKey = (user: string, channel: string) => `aura.commands.${user}.${channel}`;

function read(key: string): Run[] {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "[]") as Run[];
  } catch {
    // Something else wrote there: start afresh.
    return [];
  }
}

function write(key: string, runs: Run[]) {
  try {
    localStorage.setItem(key, JSON.stringify(runs));
  } catch {
    // The browser's room is full: large answers of long ago make place first.
    if (runs.length > 1) write(key, runs.slice(Math.ceil(runs.length / 2)));
  }
}

/** What a person ran in a command channel, oldest first, kept by their browser only. */
export function useTranscript(user: string, channel: string) {
  const key = storageKey(user, channel);
  const [runs, setRuns] = useState(() => read(key));
  const change = useCallback((next: (runs: Run[]) => Run[]) => {
    setRuns((before) => {
      const after = next(before).slice(-KEPT);
      // One that waits for its answer is not kept: after a reload nobody would fill it in.
      write(key, after.filter((run) => run.chunks || run.error));
      return after;
    });
  }, [key]);
  return { runs, change };
}
