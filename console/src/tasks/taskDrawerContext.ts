import { createContext, useContext } from "react";

/** Opens the task drawer for a task's id. */
export const TaskDrawerContext = createContext<(taskId: string) => void>(() => {
  throw new Error("A task can be opened only inside the shell.");
});

export const useTaskDrawer = () => useContext(TaskDrawerContext);
