/** One simple command of a line: its words. */
export type Words = string[];

/**
 * The simple commands of a shell line, or null for anything that is more than words joined by
 * `&&`, `||`, `;` and `|`: variables, substitutions, redirections into files, groups, several lines.
 * What cannot be read for certain is never allowed by a table.
 */
export function simpleCommands(line: string): Words[] | null {
  const commands: Words[] = [[]];
  let rest = line.trim().replace(HARMLESS_REDIRECTION, " ");
  while (rest) {
    const joint = /^(&&|\|\||;|\|)/.exec(rest);
    const token = joint ?? /^[ \t]+/.exec(rest) ?? WORD.exec(rest);
    if (!token) return null;
    if (joint) commands.push([]);
    else if (token[0].trim()) commands.at(-1)!.push(unquoted(token[0]));
    rest = rest.slice(token[0].length);
  }
  return commands.every((words) => words.length > 0) ? commands : null;
}

/** `2>&1` and `>/dev/null`: they write nothing that is kept. */
const HARMLESS_REDIRECTION = /(?<=\s)(?:2>&1|[12&]?>\s?\/dev\/null)(?=\s|[|;&]|$)/g;
const WORD = /^(?:'[^'\n]*'|"[^"\n$`\\!]*"|[^\s'"$`\\&|;<>(){}#!~\n])+/;

function unquoted(word: string): string {
  return word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double);
}

/** Whether a command begins with the words of an entry. */
export function beginsWith(words: Words, entry: string): boolean {
  const wanted = entry.split(/\s+/);
  return wanted.every((word, index) => words[index] === word);
}
