import { type FoundMessage, highlightParts } from "@aura-servers/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useBackend } from "../data/aura.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { messagePath, searchPath } from "../shell/paths.ts";
import { BackLink } from "../ui/BackLink.tsx";
import { Button } from "../ui/Button.tsx";
import { Failure, Refusal } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Notice } from "../ui/Notice.tsx";
import { fullTime } from "../ui/time.ts";
import styles from "./SearchPage.module.css";

const PAGE = 30;

interface Props {
  servers: ServerWithChannels[];
  /** Of the address: what is looked for, and in which server or channel, by its id. */
  words: string;
  place: string | undefined;
}

/** Messages by their words, on all servers or within one. The address keeps what is looked for. */
export function SearchPage({ servers, words, place }: Props) {
  const { aura } = useBackend();
  const [, go] = useLocation();
  const [text, write] = useState(words);
  const query = useDeferredValue(text.trim());
  const isServer = servers.some(({ id }) => id === place);

  // What this page has put into the address itself is no new search.
  const told = useRef(words);
  useEffect(() => {
    if (query === told.current) return;
    told.current = query;
    go(searchPath(query, place), { replace: true });
  }, [query]);
  useEffect(() => {
    if (words === told.current) return;
    told.current = words;
    write(words);
  }, [words]);

  const { data, error, fetchNextPage, hasNextPage, isFetching, refetch } = useInfiniteQuery({
    queryKey: ["search", query, place],
    queryFn: ({ pageParam }) =>
      aura.searchMessages(query, {
        max_rows: PAGE,
        ...place && (isServer ? { server_id: place } : { channel_id: place }),
        ...pageParam && { before: pageParam },
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.length === PAGE ? page.at(-1)?.created_at : undefined,
    enabled: query !== "",
    staleTime: 10_000,
    placeholderData: (before) => query === "" ? undefined : before,
  });
  const found = query === "" ? undefined : data?.pages.flat();
  return (
    <>
      <header className={styles.header}>
        <BackLink href="/" label="All channels" on="phone" />
        <h1 className="sr-only">Search</h1>
        <label className={styles.field}>
          <Search size={16} aria-hidden="true" />
          <span className="sr-only">Search messages</span>
          <input
            type="search"
            dir="auto"
            placeholder="Words, &quot;a phrase&quot;, -unwanted, either or other"
            autoFocus
            spellCheck={false}
            maxLength={500}
            value={text}
            onChange={({ target }) => write(target.value)}
          />
        </label>
        <select
          className={styles.place}
          aria-label="Where"
          value={place ?? ""}
          onChange={({ target }) => go(searchPath(query, target.value), { replace: true })}
        >
          <option value="">Everywhere</option>
          {servers.map((server) => (
            <optgroup key={server.id} label={server.display_name}>
              <option value={server.id}>All of {server.display_name}</option>
              {server.channels.map((channel) => (
                <option key={channel.id} value={channel.id}>#{channel.name}</option>
              ))}
            </optgroup>
          ))}
        </select>
      </header>
      <div className={styles.scroller} tabIndex={0} role="region" aria-label="Found messages">
        {query === ""
          ? (
            <Notice icon={Search} title="Find a message">
              <p>All that was said, by people, by agents and by the system.</p>
            </Notice>
          )
          : error && !found
          ? <Failure title="Nothing could be found" error={error} retry={() => void refetch()} />
          : !found
          ? <Loading label="Searching" />
          : (
            <>
              <p role="status" className={found.length > 0 ? "sr-only" : styles.none}>
                {found.length === 0
                  ? "No message has these words."
                  : `${found.length}${hasNextPage ? " and more" : ""} found`}
              </p>
              <Refusal error={error} />
              <ul className={styles.list}>
                {found.map((message) => (
                  <li key={message.id}>
                    <Found message={message} servers={servers} />
                  </li>
                ))}
              </ul>
              {hasNextPage && (
                <Button disabled={isFetching} onClick={() => void fetchNextPage()}>
                  Older ones
                </Button>
              )}
            </>
          )}
      </div>
    </>
  );
}

function Found({ message, servers }: { message: FoundMessage; servers: ServerWithChannels[] }) {
  const server = servers.find(({ channels }) =>
    channels.some(({ id }) => id === message.channel_id)
  );
  const channel = server?.channels.find(({ id }) => id === message.channel_id);
  return (
    <Link href={messagePath(message.id)} className={styles.found}>
      <span className={styles.byline}>
        <b>{message.sender_label}</b> in {server?.display_name} · #{channel?.name}
        {message.task_thread_id && ", in a thread"}
        {" · "}
        <time dateTime={message.created_at}>{fullTime(message.created_at)}</time>
      </span>
      <span className={styles.text} dir="auto">
        {highlightParts(message.highlight).map(({ text, isFound }, at) =>
          isFound ? <mark key={at}>{text}</mark> : text
        )}
      </span>
    </Link>
  );
}
