import type { AuraClient, HubFile } from "@aura-servers/client";
import { useState } from "react";

/** A file on its way to a request. */
export interface Attachment {
  key: string;
  name: string;
  bytes: File;
  state: "sending" | "sent" | "failed";
  sent?: HubFile;
  error?: unknown;
}

/** The files that go with what is being written; each is sent as soon as it is chosen. */
export function useAttachments(aura: AuraClient, channelId: string) {
  const [files, setFiles] = useState<Attachment[]>([]);

  function change(key: string, next: Partial<Attachment>) {
    setFiles((all) => all.map((one) => one.key === key ? { ...one, ...next } : one));
  }

  async function send({ key, name, bytes }: Attachment) {
    change(key, { state: "sending", error: undefined });
    try {
      change(key, { state: "sent", sent: await aura.sendFile(channelId, name, bytes) });
    } catch (error) {
      change(key, { state: "failed", error });
    }
  }

  return {
    files,
    add(chosen: Iterable<File>) {
      const added = [...chosen].map((bytes): Attachment => ({
        key: crypto.randomUUID(),
        // What is pasted is often called image.png, whatever it is.
        name: bytes.name || "pasted",
        bytes,
        state: "sending",
      }));
      setFiles((all) => [...all, ...added]);
      added.forEach((file) => void send(file));
    },
    retry: (file: Attachment) => void send(file),
    remove: (key: string) => setFiles((all) => all.filter((one) => one.key !== key)),
    clear: () => setFiles([]),
  };
}

export type Attachments = ReturnType<typeof useAttachments>;
