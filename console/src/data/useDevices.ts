import type { DeviceWithModels } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { upsert } from "./upsert.ts";
import { useFeed } from "./useFeed.ts";

const key = ["devices"];

/** The devices of the mesh with their models, live. */
export function useDevices() {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const query = useQuery({ queryKey: key, queryFn: () => aura.fetchDevices() });
  const feedError = useFeed(
    query.data ? "mesh" : null,
    (signal) =>
      aura.subscribeToDevices({ signal, held: queries.getQueryData<DeviceWithModels[]>(key) }),
    (row) => {
      queries.setQueryData<DeviceWithModels[]>(key, (rows) => rows && upsert(rows, row));
      // What is being read now may be older than this row.
      if (queries.isFetching({ queryKey: key })) void queries.invalidateQueries({ queryKey: key });
    },
  );
  return {
    devices: query.data?.toSorted((a, b) => a.name.localeCompare(b.name)),
    error: query.error ?? feedError,
    refresh: () => void query.refetch(),
  };
}
