import { useMessageFiles } from "../data/useFiles.ts";
import { FileCard } from "../files/FileCard.tsx";

/** The files that a message shows. */
export function MessageFiles({ messageId }: { messageId: string }) {
  const files = useMessageFiles(messageId);
  return files.map((file) => <FileCard key={file.id} file={file} />);
}
