/** Above this many characters a text is shown plain, and formatted only when somebody asks for it. */
const LONGEST = 12_000;
const MOST_MARKS = 1200;
const MOST_CELLS = 60;
const DEEPEST = 24;

/** The quotes and list items that a line opens within each other. */
const containers = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$)))+/;

/**
 * Whether a text is quick to format whatever it holds. Markdown nests without end, and its marks are
 * matched with each other: a few kilobytes can be made to take seconds, or more stack than there is.
 */
export function isQuickMarkdown(text: string): boolean {
  if (text.length > LONGEST) return false;
  if ((text.match(/[*_~`[\]<!&@]/g)?.length ?? 0) > MOST_MARKS) return false;
  return text.split("\n").every((line) => {
    const opened = line.match(containers)?.[0].match(/[>)\-+*.]/g)?.length ?? 0;
    // A table has the columns of its heading in every row.
    const cells = line.split("|").length;
    return opened <= DEEPEST && cells <= MOST_CELLS && indent(line) <= 4 * DEEPEST;
  });
}

const indent = (line: string) => line.length - line.trimStart().length;
