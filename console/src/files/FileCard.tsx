import type { HubFile } from "@aura-servers/client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleAlert, Clock, Download, Eye, EyeOff, File, FileImage, FileText } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import { Loading } from "../ui/Loading.tsx";
import { PlainText } from "../ui/PlainText.tsx";
import styles from "./FileCard.module.css";
import { sizeText } from "./size.ts";

/** Pictures that a browser shows; an SVG is a document, and shown as its text. */
const PICTURE = /^image\/(png|jpeg|gif|webp)$/;
const TEXT = /^(text\/|image\/svg|application\/(json|xml|yaml|javascript))/;
/** Larger ones are shown when asked for. */
const SHOWN_AT_ONCE = 2_000_000;

/** A file that was sent along or that an agent left: what it is, a look into it, and the way to have it. */
export function FileCard({ file }: { file: HubFile }) {
  const { aura } = useBackend();
  const picture = PICTURE.test(file.media_type);
  const text = TEXT.test(file.media_type);
  const stored = file.state === "stored";
  const [open, setOpen] = useState(picture && file.size <= SHOWN_AT_ONCE);
  const save = useMutation({
    mutationFn: async () => offer(await aura.downloadFile(file), file.name),
  });
  const Icon = file.state === "failed"
    ? CircleAlert
    : file.state === "pending"
    ? Clock
    : picture
    ? FileImage
    : text
    ? FileText
    : File;
  return (
    <section className={styles.card} data-state={file.state} aria-label={`File ${file.name}`}>
      <header className={styles.head}>
        <Icon size={16} aria-hidden="true" />
        <span className={styles.name} title={file.name} dir="auto">{file.name}</span>
        <span className={styles.size}>
          {file.state === "pending" ? "on its way" : sizeText(file.size)}
        </span>
        {stored && (picture || text) && (
          <IconButton
            icon={open ? EyeOff : Eye}
            size={15}
            label={open ? `Hide ${file.name}` : `Show ${file.name}`}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          />
        )}
        {stored && (
          <IconButton
            icon={Download}
            size={15}
            label={`Save ${file.name}`}
            disabled={save.isPending}
            onClick={() => save.mutate()}
          />
        )}
      </header>
      {file.state === "failed" && <p className={styles.error}>{file.error}</p>}
      <Refusal error={save.error} />
      {stored && open && (picture ? <Picture file={file} /> : <Text file={file} />)}
    </section>
  );
}

function useBytes(file: HubFile) {
  const { aura } = useBackend();
  return useQuery({
    queryKey: ["bytes", file.id],
    queryFn: () => aura.downloadFile(file),
    staleTime: Infinity,
    gcTime: 60_000,
  });
}

function Picture({ file }: { file: HubFile }) {
  const { data, error } = useBytes(file);
  const address = useMemo(() => data && URL.createObjectURL(data), [data]);
  useEffect(() => () => {
    if (address) URL.revokeObjectURL(address);
  }, [address]);
  if (error) return <Refusal error={error} />;
  return (
    <div className={styles.picture}>
      {address ? <img src={address} alt={file.name} /> : <Loading label={`Loading ${file.name}`} />}
    </div>
  );
}

function Text({ file }: { file: HubFile }) {
  const { data, error } = useBytes(file);
  const text = useQuery({
    queryKey: ["bytes", file.id, "text"],
    enabled: data !== undefined,
    queryFn: () => data!.text(),
    staleTime: Infinity,
    gcTime: 60_000,
  });
  if (error) return <Refusal error={error} />;
  return (
    <div className={styles.text} tabIndex={0} role="region" aria-label={`Content of ${file.name}`}>
      {text.data === undefined
        ? <Loading label={`Loading ${file.name}`} />
        : <PlainText text={text.data} code />}
    </div>
  );
}

/** Lets the browser save some bytes under a name. */
function offer(bytes: Blob, name: string) {
  const link = document.createElement("a");
  // Never opened in the page's own origin, whatever it claims to be.
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
