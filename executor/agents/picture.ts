import { Buffer } from "node:buffer";

/** A picture that an agent takes with its prompt. */
export function picture(path: string): { mediaType: string; data: string } {
  return {
    mediaType: pictureType(path)!,
    data: Buffer.from(Deno.readFileSync(path)).toString("base64"),
  };
}

/** The media type of a picture that agents take, by its name; null for every other file. */
export function pictureType(path: string): string | null {
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  return TYPES[ending] ?? null;
}

const TYPES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
};
