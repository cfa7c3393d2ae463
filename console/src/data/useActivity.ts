import { useQuery } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";

const EVERY_MS = 60_000;

/** The last day of the mesh by the hour; what happens now is told by the tasks themselves. */
export function useActivity() {
  const { aura } = useBackend();
  const { data, error } = useQuery({
    queryKey: ["activity"],
    queryFn: () => aura.fetchMeshActivity(),
    refetchInterval: EVERY_MS,
  });
  return { activity: data, error };
}
