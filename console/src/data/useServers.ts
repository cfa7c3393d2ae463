import type { Channel, Server } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

export interface ServerWithChannels extends Server {
  channels: Channel[];
}

interface Rows {
  hub_servers: Server[];
  hub_channels: Channel[];
}

/** What decides where a row stands in its list. */
const placeOf = (row: Record<string, unknown>) => `${row.server_id} ${row.position}`;

const key = ["servers"];

/** Every server with its channels, live. `connected` hears whether Realtime is joined. */
export function useServers(connected: (connected: boolean) => void) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: async (): Promise<Rows> => {
      const [servers, channels] = await Promise.all([aura.fetchServers(), aura.fetchChannels()]);
      return { hub_servers: servers, hub_channels: channels };
    },
  });
  const refresh = () => void queries.invalidateQueries({ queryKey: key });
  useTableChanges("servers", [{ table: "hub_servers" }, { table: "hub_channels" }], {
    connected,
    refresh,
    row: (row, table) => {
      const rows = queries.getQueryData<Rows>(key);
      const list = rows?.[table as keyof Rows] as
        | ({ id: string } & Record<string, unknown>)[]
        | undefined;
      const at = list?.findIndex(({ id }) => id === row.id) ?? -1;
      const moved = list?.[at] && placeOf(list[at]) !== placeOf({ ...list[at], ...row });
      if (!list || at < 0 || moved || queries.isFetching({ queryKey: key })) return refresh();
      queries.setQueryData(key, { ...rows, [table]: list.with(at, { ...list[at], ...row }) });
    },
  });

  const servers = useMemo(
    () =>
      data?.hub_servers.map((server): ServerWithChannels => ({
        ...server,
        channels: data.hub_channels.filter(({ server_id }) => server_id === server.id),
      })),
    [data],
  );
  return { servers, error, retry: () => void refetch() };
}

/** The server of a channel, as far as the shell has read them. */
export function useServerIdOf(channelId: string): string | undefined {
  const rows = useQueryClient().getQueryData<Rows>(key);
  return rows?.hub_channels.find(({ id }) => id === channelId)?.server_id;
}
