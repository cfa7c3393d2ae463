// What REST may be asked. lite answers a name in `select` whose quotation mark is never closed with a
// failure of its own; here it is refused first, in PostgREST's shape.

/** The refusal of an address; undefined when it may pass. */
export function refusedSelect(url: string): Response | undefined {
  const selects = new URL(url).searchParams.getAll("select");
  const broken = selects.find((select) => select.split('"').length % 2 === 0);
  if (broken === undefined) return undefined;
  const message = `"failed to parse select parameter (${broken})": a quotation mark is not closed`;
  return Response.json({ code: "PGRST100", message, details: null, hint: null }, { status: 400 });
}
