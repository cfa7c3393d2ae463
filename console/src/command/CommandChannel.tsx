import type { Channel } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import { Eraser, Terminal } from "lucide-react";
import { useRef } from "react";
import { useBackend, useUser } from "../data/aura.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { useStickyScroll } from "../messages/useStickyScroll.ts";
import { ChannelHeader } from "../shell/ChannelHeader.tsx";
import { errorText } from "../ui/errorText.ts";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { Notice } from "../ui/Notice.tsx";
import styles from "./CommandChannel.module.css";
import { CommandPrompt } from "./CommandPrompt.tsx";
import { CommandRun } from "./CommandRun.tsx";
import { type Run, useTranscript } from "./commandTranscript.ts";

interface Props {
  server: ServerWithChannels;
  channel: Channel;
  mayAct: boolean;
}

/** A channel whose messages are commands: a prompt, and the answers this browser has had. */
export function CommandChannel({ server, channel, mayAct }: Props) {
  const { aura } = useBackend();
  const { runs, change } = useTranscript(useUser().id, channel.id);
  const commands = useQuery({ queryKey: ["commands"], queryFn: () => aura.listCommands() });
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { toEnd } = useStickyScroll(scroller, content, runs[0]?.id, runs.at(-1)?.id);

  async function run(command: string) {
    const started: Run = { id: crypto.randomUUID(), at: new Date().toISOString(), command };
    const finish = (end: Partial<Run>) =>
      change((all) => all.map((one) => one.id === started.id ? { ...one, ...end } : one));
    change((all) => [...all, started]);
    toEnd();
    try {
      finish({ chunks: (await aura.executeCommand(channel.id, command)).chunks });
    } catch (error) {
      finish({ error: errorText(error) });
    }
  }

  const allowed = commands.data?.filter(({ changes_data }) => mayAct || !changes_data) ?? [];
  return (
    <>
      <ChannelHeader {...{ server, channel }}>
        {runs.length > 0 && (
          <IconButton
            icon={Eraser}
            label="Clear the history kept in this browser"
            onClick={() => change(() => [])}
          />
        )}
      </ChannelHeader>
      <div
        ref={scroller}
        className={styles.scroller}
        tabIndex={0}
        role="region"
        aria-label={`Answers in ${channel.name}`}
      >
        <div ref={content} className={styles.content}>
          {runs.length === 0 && (
            <Notice icon={Terminal} title={`Ask #${channel.name}`}>
              <p>
                Type a command below, or try one of these. What you run is kept in this browser
                only.
              </p>
              <p className={styles.examples}>
                {allowed.filter(({ usage, changes_data }) => !changes_data && !usage.includes("<"))
                  .slice(0, 5).map(({ name }) => (
                    <button
                      key={name}
                      type="button"
                      onClick={() => run(`!${name}`)}
                    >
                      !{name}
                    </button>
                  ))}
              </p>
            </Notice>
          )}
          <div role="log" aria-label="Answers" aria-live="polite">
            {runs.map((one) => <CommandRun key={one.id} run={one} />)}
          </div>
        </div>
      </div>
      <div className={styles.refusal}>
        <Refusal error={commands.error} />
      </div>
      <CommandPrompt commands={allowed} past={runs.map(({ command }) => command)} run={run} />
    </>
  );
}
