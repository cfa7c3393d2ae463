import type { Question } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

const none: Question[] = [];
const openKey = ["questions", "open"];
const keyOf = (id: string) => ["questions", id];

/** Keeps every question that is read current; for the shell, once. Returns the open ones, oldest first. */
export function useOpenQuestions(): Question[] {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: openKey, queryFn: () => aura.askedQuestions() });
  useTableChanges("questions", [{ table: "hub_questions" }], {
    refresh: () => void queries.invalidateQueries({ queryKey: ["questions"] }),
    row: (row) => {
      // A detail may be too long for the message that brought this row: what is read has it.
      void queries.invalidateQueries({ queryKey: keyOf(row.id) });
      void queries.invalidateQueries({ queryKey: openKey });
    },
  });
  return data ?? none;
}

/** One question, as it is now. */
export function useQuestion(id: string) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: keyOf(id),
    queryFn: async () => (await aura.fetchQuestions([id]))[0] ?? null,
    staleTime: Infinity,
    placeholderData: () =>
      queries.getQueryData<Question[]>(openKey)?.find((question) => question.id === id),
  });
  return {
    question: data ?? undefined,
    error,
    /** What answering it returned, or why it was refused: it may be over already. */
    changed: (question?: Question) => {
      if (question) queries.setQueryData(keyOf(id), question);
      void queries.invalidateQueries({ queryKey: ["questions"] });
    },
  };
}
